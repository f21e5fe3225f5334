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
    """Say, one sentence each, why a vote should not be used; empty where nothing speaks against it."""
    return [*no_better_than_chance(fit, evenness), *worse_than_a_member(fit, evenness, member_ids)]


def no_better_than_chance(fit: CrossFit, evenness: float) -> list[str]:
    """Say that a vote does not beat the class frequencies with a confidence of 95 %, cross-fitted, paired by scan."""
    voted = fit.losses(evenness)
    gain = fit.estimate(fit.chance - voted)
    if gain.mean > CONFIDENT * gain.error:
        return []
    figures = (
        f"its cross-fitted NLL is {fit.estimate(voted).mean:.4f}, that of answering with the class frequencies "
        f"{fit.estimate(fit.chance).mean:.4f} (standard error of the difference {gain.error:.4f})"
    )
    return [f"the vote is not better than chance: {figures}"]


def worse_than_a_member(fit: CrossFit, evenness: float, member_ids: Sequence[str]) -> list[str]:
    """Say that a vote is worse than its best member by more than the standard error over groups."""
    voted, members = fit.losses(evenness), fit.member_losses()
    best = min(range(len(members)), key=lambda m: fit.estimate(members[m]).mean)
    loss = fit.estimate(voted - members[best])
    if not loss.mean > max(loss.error, MATTERS):
        return []
    name = member_ids[best]
    figures = (
        f"its cross-fitted NLL is {fit.estimate(voted).mean:.4f}, that of {name} "
        f"{fit.estimate(members[best]).mean:.4f} (standard error of the difference {loss.error:.4f})"
    )
    return [f"the vote is worse than {name} alone: {figures}"]


def temperatures_at_limit(temperatures: Mapping[str, float]) -> list[str]:
    """Say, one sentence each, which temperatures stopped at a limit of the fit."""
    return [
        f"{member_id}: the temperature is at its limit ({value:.3g}, limits {LOWEST:g} and {HIGHEST:g}): "
        + ("its logits say almost nothing" if value > 1 else "its logits separate the scans entirely")
        for member_id, value in temperatures.items()
        if value <= LOWEST * AT_LIMIT or value >= HIGHEST / AT_LIMIT
    ]
