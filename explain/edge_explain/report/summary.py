"""The first page: the answer, what to do with it, what each member answered, and the maps."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from edge_run.flags import cause_of
from edge_run.heatmap import scale_limit
from edge_run.voting.vote import decide

from .pictures import LARGE, Picture, Scale, map_picture, picture, resized, scale

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest

_DIGITS = 12


class FlagRow(NamedTuple):
    """A flag's reason and name, and what usually causes it."""

    reason: str
    name: str
    cause: str


class MemberRow(NamedTuple):
    """A member's answer; None where it did not answer. ``differs`` tells that it is another than the ensemble's."""

    id: str
    label: str | None
    probability: float | None
    differs: bool
    weight: float


class MemberMap(NamedTuple):
    """A member's map, and its caption."""

    picture: Picture
    id: str
    caption: str


class MapsView(NamedTuple):
    """The scan, the ensemble's map and the members', on one scale."""

    scale: Scale
    scan: Picture
    ensemble: Picture
    members: tuple[MemberMap, ...]
    size: tuple[int, int]
    places: tuple[int, int]


class Summary(NamedTuple):
    """What the first page says beside the maps.

    Attributes
    ----------
    title
        The case's id, the file's name or the beginning of the scan's hash.
    label, probability
        The answer.
    explained, explained_probability, threshold
        The class that is explained, its probability, and the one from which it is answered.
    others
        Probabilities of the other classes.
    contradicted
        The answer of the originals where it is another one, else empty.
    advice
        What to do with the answer, in one sentence.
    flags, members
        One row each.
    interval
        Bounds of the probability with all members, where not all answered.
    """

    title: str
    label: str
    probability: float
    explained: str
    explained_probability: float
    threshold: float | None
    others: tuple[tuple[str, float], ...]
    contradicted: str
    advice: str
    flags: tuple[FlagRow, ...]
    members: tuple[MemberRow, ...]
    interval: tuple[float, float] | None


def summarise(explanation: Explanation, manifest: Manifest) -> Summary:
    """Collect what the first page says beside the maps."""
    decision = explanation.prediction.decision
    contradicted = _contradicted(explanation, manifest)
    return Summary(
        title=title_of(explanation),
        label=decision.label,
        probability=decision.probability,
        explained=explanation.label,
        explained_probability=decision.probabilities[explanation.label],
        threshold=_threshold(explanation, manifest),
        others=tuple((label, p) for label, p in decision.probabilities.items() if label != decision.label),
        contradicted=contradicted,
        advice=_advice(explanation, contradicted),
        flags=tuple(FlagRow(flag.reason, flag.name, cause_of(flag.name)) for flag in decision.flags),
        members=_members(explanation, manifest),
        interval=decision.interval,
    )


def title_of(explanation: Explanation) -> str:
    """Name the scan by its case, else by its file without the folders, which may name the patient, else by its hash."""
    if explanation.case_id:
        return f"Case {explanation.case_id}"
    name = PurePath(explanation.prediction.path.replace("\\", "/")).name
    return name or f"Scan {explanation.prediction.scan_sha256[:_DIGITS]}"


def draw_maps(explanation: Explanation, manifest: Manifest) -> MapsView:
    """Draw the scan, the ensemble's map and the members', on one scale."""
    pixels, label = explanation.scan.pixels, explanation.label
    members = calibrated_maps(explanation, manifest)
    weights = [member.weight for member in manifest.members if member.id in members]
    limit = scale_limit(list(members.values()), weights)
    alt = f"where the ensemble found evidence for {label} and against it"
    height, width = pixels.shape
    rows, columns = explanation.ensemble_map.shape
    return MapsView(
        scale=scale(limit, label, "log-odds"),
        scan=picture(resized(pixels, LARGE), "the scan"),
        ensemble=map_picture(pixels, explanation.ensemble_map, limit, alt, longest=LARGE, line=2),
        members=tuple(
            MemberMap(map_picture(pixels, values, limit, f"map of {id_}"), id_, _caption(explanation, id_))
            for id_, values in members.items()
        ),
        size=(width, height),
        places=(columns, rows),
    )


def calibrated_maps(explanation: Explanation, manifest: Manifest) -> dict[str, NDArray[np.float32]]:
    """Divide the members' maps by their temperatures, which gives them the unit of the ensemble's map."""
    precision = explanation.prediction.source.precision
    return {
        member.id: explanation.maps[member.id] / member.artefacts[precision].temperature
        for member in manifest.members
        if member.id in explanation.maps
    }


def _caption(explanation: Explanation, member_id: str) -> str:
    for vote in explanation.prediction.decision.members:
        if vote.id == member_id:
            return f"{vote.probabilities[explanation.label]:.0%}, weight {vote.weight:.2f}"
    return "did not vote"


def _members(explanation: Explanation, manifest: Manifest) -> tuple[MemberRow, ...]:
    decision = explanation.prediction.decision
    votes = {vote.id: vote for vote in decision.members}
    rows = []
    for member in manifest.members:
        if member.id not in votes:
            rows.append(MemberRow(member.id, None, None, differs=False, weight=member.weight))
            continue
        probabilities = votes[member.id].probabilities
        label = _decided(probabilities, manifest)
        rows.append(
            MemberRow(member.id, label, probabilities[explanation.label], label != decision.label, member.weight)
        )
    return tuple(rows)


def _contradicted(explanation: Explanation, manifest: Manifest) -> str:
    original = _decided(explanation.originals, manifest)
    return "" if original == explanation.prediction.decision.label else original


def _decided(probabilities: Mapping[str, float], manifest: Manifest) -> str:
    """Decide by the operating point of the bundle."""
    task = manifest.task
    values = [probabilities[label] for label in task.labels]
    return task.labels[int(decide(values, positive=task.labels.index(task.positive), threshold=task.threshold))]


def _advice(explanation: Explanation, contradicted: str) -> str:
    if contradicted:
        return (
            "Do not use this answer or its explanation: the compiled networks and their originals answer differently."
        )
    if explanation.prediction.decision.flags:
        return "Judge the scan yourself before you use this answer: it was flagged for review."
    return "No flag was raised; read the answer together with the scan, never instead of it."


def _threshold(explanation: Explanation, manifest: Manifest) -> float | None:
    task = manifest.task
    return task.threshold if len(task.labels) == 2 and explanation.label == task.positive else None
