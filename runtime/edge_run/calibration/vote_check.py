"""Whether a vote is worth answering with: better than chance, and no worse than its best member."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .temperature import HIGHEST, LOWEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .cross_fit import CrossFit

CONFIDENT = 1.645
"""Standard errors by which a vote must beat chance: one-sided confidence of 95 %."""
MATTERS = 1e-3
"""Smallest difference in NLL that counts, nats."""
AT_LIMIT = 1.01
"""A temperature within this factor of a limit counts as being there."""


def weaknesses(fit: CrossFit, evenness: float, member_ids: Sequence[str]) -> list[str]:
    """Say, one sentence each, why a vote should not be used; empty where nothing speaks against it.

    Both comparisons are cross-fitted on validation and paired by scan. The vote must beat chance with a confidence of
    95 %, and may be worse than its best member by no more than the standard error over groups.
    """
    voted = fit.losses(evenness)
    reasons = []
    vote, chance = fit.estimate(voted).mean, fit.estimate(fit.chance).mean
    gain = fit.estimate(fit.chance - voted)
    if not gain.mean > CONFIDENT * gain.error:
        reasons.append(
            f"the vote is not better than chance: its cross-fitted validation NLL is {vote:.4f}, that of answering "
            f"with the class frequencies {chance:.4f} (standard error of the difference {gain.error:.4f})"
        )
    members = fit.member_losses()
    best = min(range(len(members)), key=lambda m: fit.estimate(members[m]).mean)
    loss = fit.estimate(voted - members[best])
    if loss.mean > max(loss.error, MATTERS):
        reasons.append(
            f"the vote is worse than {member_ids[best]} alone: its cross-fitted validation NLL is {vote:.4f}, that of "
            f"{member_ids[best]} {fit.estimate(members[best]).mean:.4f} (standard error of the difference "
            f"{loss.error:.4f})"
        )
    return reasons


def temperatures_at_limit(temperatures: Mapping[str, float]) -> list[str]:
    """Say, one sentence each, which temperatures stopped at a limit of the fit."""
    return [
        f"{member_id}: the temperature is at its limit ({value:.3g}, limits {LOWEST:g} and {HIGHEST:g}): "
        + ("its logits say almost nothing" if value > 1 else "its logits separate the validation scans entirely")
        for member_id, value in temperatures.items()
        if value <= LOWEST * AT_LIMIT or value >= HIGHEST / AT_LIMIT
    ]
