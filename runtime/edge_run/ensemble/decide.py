"""Members' answers -> decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.voting.early_exit import Bounds, bounds, certain_class
from edge_run.voting.prediction import Decision, MemberVote
from edge_run.voting.vote import decide as decided_class
from edge_run.voting.vote import vote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest
    from edge_run.flags import FirstStageFlags, Flagger


class Answer(NamedTuple):
    """One member's answer to a scan: logits, calibrated probabilities ``[classes]`` and features ``[width, h, w]``."""

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]


def decide(
    manifest: Manifest, flagger: Flagger, answers: Mapping[int, Answer], noted: FirstStageFlags
) -> Decision | None:
    """Vote and decide on one scan.

    Parameters
    ----------
    answers
        By the member's place in the manifest; those of the first stage at least.
    noted
        Flags that depend on nothing that is missing.

    Returns
    -------
    None where members are missing that could still change the label or a flag.
    """
    task, members = manifest.task, manifest.members
    positive = task.labels.index(task.positive)
    answered = sorted(answers)
    weights = [members[m].weight for m in answered]
    said = np.stack([answers[m].probabilities for m in answered])
    voted = vote(said, weights)
    if len(answered) == len(members):
        within = Bounds(voted, voted)
        index: int | None = int(decided_class(voted, positive=positive, threshold=task.threshold))
    else:
        within = bounds(said, weights, sum(member.weight for member in members))
        index = certain_class(within, positive=positive, threshold=task.threshold)
    unsure = flagger.confidence_flags(within)
    if index is None or unsure is None:
        return None
    return Decision(
        label=task.labels[index],
        probability=float(voted[index]),
        probabilities=_by_label(manifest, voted),
        interval=None
        if len(answered) == len(members)
        else (float(within.low[index]), float(min(within.high[index], 1.0))),
        flags=(*unsure, *noted.flags),
        members=tuple(
            MemberVote(
                members[m].id,
                members[m].arch,
                members[m].weight,
                _by_label(manifest, answers[m].probabilities),
                tuple(map(float, answers[m].logits)),
            )
            for m in answered
        ),
        measures={"score": float(voted[positive]), "confidence": float(voted.max()), **noted.measures},
    )


def _by_label(manifest: Manifest, values: NDArray[np.float64]) -> dict[str, float]:
    return {label: float(value) for label, value in zip(manifest.task.labels, values, strict=True)}
