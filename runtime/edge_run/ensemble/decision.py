"""Outputs of the members -> decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.flags import FlagInputs
from edge_run.voting.early_exit import Bounds, bounds, certain_class
from edge_run.voting.prediction import Decision, MemberVote
from edge_run.voting.vote import decide, vote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest
    from edge_run.flags import FirstStageFlags, Flagger

    from .member_pool import MemberPool


class MemberOutput(NamedTuple):
    """What one member computed of one scan.

    Attributes
    ----------
    logits
        ``[classes] float32``, before calibration.
    probabilities
        ``[classes] float64``, calibrated.
    features
        ``[width, h, w] float32``: the last convolutional block, before pooling.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]


class ScanVote(NamedTuple):
    """The decision on one scan, and what a heatmap of it needs.

    Attributes
    ----------
    features
        ``[width, h, w] float32`` by member id, of the members that answered.
    """

    decision: Decision
    features: dict[str, NDArray[np.float32]]


def vote_in_stages(
    pool: MemberPool,
    flagger: Flagger,
    batch: NDArray[np.uint8],
    scans: Sequence[NDArray[np.uint8] | None] | None,
    stages: Sequence[Sequence[int]],
) -> list[ScanVote]:
    """Let the members vote on preprocessed scans, stage by stage, until each scan is decided.

    Parameters
    ----------
    batch
        ``[N, 1, size, size] uint8``.
    scans
        The same scans as they were read, ``[H, W] uint8``, to judge their quality; not judged where None.
    stages
        Members by their places in the manifest, stage by stage.

    Raises
    ------
    BackendError, BundleError
        As :meth:`.member_pool.MemberPool.outputs`.
    """
    manifest = pool.manifest
    outputs: list[dict[int, MemberOutput]] = [{} for _ in batch]
    noted: list[FirstStageFlags] = []
    decisions: list[Decision | None] = [None] * len(batch)
    for stage in stages:
        undecided = [n for n, decision in enumerate(decisions) if decision is None]
        if not undecided:
            break
        for m, out in pool.outputs(batch[undecided], stage).items():
            for n, *output in zip(undecided, out.logits, pool.calibrated(m, out), out.features, strict=True):
                outputs[n][m] = MemberOutput(*output)
        # The flags other than low confidence are judged by the members of the first stage, which always answer.
        noted = noted or [
            _note(manifest, flagger, outputs[n], scans[n] if scans is not None else None) for n in undecided
        ]
        for n in undecided:
            decisions[n] = decision_of(manifest, flagger, outputs[n], noted[n])
    return [
        ScanVote(decision, {manifest.members[m].id: output.features for m, output in outputs[n].items()})
        for n, decision in enumerate(decisions)
        if decision is not None
    ]


def decision_of(
    manifest: Manifest, flagger: Flagger, outputs: Mapping[int, MemberOutput], noted: FirstStageFlags
) -> Decision | None:
    """Vote and decide on one scan.

    Parameters
    ----------
    outputs
        By the member's place in the manifest; those of the first stage at least.
    noted
        Flags that do not depend on the members that have not answered.

    Returns
    -------
    None where members have not answered that could still change the label or a flag.
    """
    task, members = manifest.task, manifest.members
    positive = task.labels.index(task.positive)
    answered = sorted(outputs)
    complete = len(answered) == len(members)
    weights = [members[m].weight for m in answered]
    probabilities = np.stack([outputs[m].probabilities for m in answered])
    voted = vote(probabilities, weights)
    if complete:
        within = Bounds(voted, voted)
        index: int | None = int(decide(voted, positive=positive, threshold=task.threshold))
    else:
        within = bounds(probabilities, weights, sum(member.weight for member in members))
        index = certain_class(within, positive=positive, threshold=task.threshold)
    unsure = flagger.confidence_flags(within)
    if index is None or unsure is None:
        return None
    return Decision(
        label=task.labels[index],
        probability=float(voted[index]),
        probabilities=_by_label(manifest, voted),
        interval=None if complete else (float(within.low[index]), float(min(within.high[index], 1.0))),
        flags=(*unsure, *noted.flags),
        members=tuple(_member_vote(manifest, m, outputs[m]) for m in answered),
        measures={"score": float(voted[positive]), "confidence": float(voted.max()), **noted.measures},
        left_out=tuple(member.id for m, member in enumerate(members) if m not in outputs),
    )


def _member_vote(manifest: Manifest, m: int, output: MemberOutput) -> MemberVote:
    task, member = manifest.task, manifest.members[m]
    positive = task.labels.index(task.positive)
    index = int(decide(output.probabilities, positive=positive, threshold=task.threshold))
    return MemberVote(
        id=member.id,
        arch=member.arch,
        weight=member.weight,
        label=task.labels[index],
        probability=float(output.probabilities[index]),
        probabilities=_by_label(manifest, output.probabilities),
        logits=tuple(map(float, output.logits)),
    )


def _note(
    manifest: Manifest, flagger: Flagger, outputs: dict[int, MemberOutput], pixels: NDArray[np.uint8] | None
) -> FirstStageFlags:
    by_id = {manifest.members[m].id: output for m, output in outputs.items()}
    return flagger.first_stage(
        FlagInputs(
            pixels,
            {member_id: output.probabilities for member_id, output in by_id.items()},
            {member_id: output.features for member_id, output in by_id.items()},
        )
    )


def _by_label(manifest: Manifest, values: NDArray[np.float64]) -> dict[str, float]:
    return {label: float(value) for label, value in zip(manifest.task.labels, values, strict=True)}
