"""Members' logits -> decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .prediction import Decision, Flag, MemberVote
from .vote import decide as decided_class
from .vote import softmax, vote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .manifest import FlagThresholds, Manifest, Task


def probabilities(manifest: Manifest, precision: str, logits: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Calibrated probabilities of each member.

    Parameters
    ----------
    logits
        Per member, in the manifest's order, ``[N, classes]``.

    Returns
    -------
    ``[members, N, classes] float64``.
    """
    return np.stack(
        [
            softmax(values, member.artefacts[precision].temperature)
            for member, values in zip(manifest.members, logits, strict=True)
        ]
    )


def decide(manifest: Manifest, members: NDArray[np.float64]) -> Decision:
    """Vote and decide on one scan from the members' probabilities ``[members, classes]``."""
    task = manifest.task
    voted = vote(members, [member.weight for member in manifest.members])
    index = int(decided_class(voted, positive=task.labels.index(task.positive), threshold=task.threshold))
    return Decision(
        label=task.labels[index],
        probability=float(voted[index]),
        probabilities=_by_label(task, voted),
        interval=None,
        flags=_flags(manifest.flags, voted),
        members=tuple(
            MemberVote(member.arch, member.weight, _by_label(task, p))
            for member, p in zip(manifest.members, members, strict=True)
        ),
    )


def _by_label(task: Task, values: NDArray[np.float64]) -> dict[str, float]:
    return {label: float(value) for label, value in zip(task.labels, values, strict=True)}


def _flags(thresholds: FlagThresholds, voted: NDArray[np.float64]) -> tuple[Flag, ...]:
    confidence = float(voted.max())
    if confidence >= thresholds.low_confidence:
        return ()
    return (
        Flag(
            "low-confidence",
            f"the vote is {confidence:.0%} sure, less than the {thresholds.low_confidence:.0%} "
            f"below which {thresholds.flag_rate:.0%} of the validation scans lie",
        ),
    )
