"""Slices of a series -> one answer for the series.

The networks were trained on single slices, and nobody has measured this answer against studies: the rule is simple
and stated, its figures are not known.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.scan.dicom.series import UNKNOWN
from edge_run.voting.prediction import Flag
from edge_run.voting.vote import decide, vote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_run.bundle.manifest import Task
    from edge_run.scan.dicom.series import Series
    from edge_run.voting.prediction import Decision

SHARE, FEWEST = 0.1, 3
# Flags on the answer. Every other flag is on the image: such a slice does not decide where others can.
_ON_THE_ANSWER = frozenset({"low-confidence", "members-disagree"})
_RADIOGRAPHS = frozenset({"CR", "DX", "DR"})


class SeriesPrediction(msgspec.Struct, frozen=True):
    """What the slices of one series say together.

    Attributes
    ----------
    label
        Of ``probabilities``, by the bundle's rule for one scan.
    probability, probabilities
        Of ``label``, and of every label: mean over the slices that decided, each weighted by its confidence. Not
        calibrated: it is the top of many, and grows with their number.
    slices
        How many were answered.
    share_positive
        Of them, answered with the positive label.
    deciding
        Indices of the slices that decided, the most positive first.
    flagged
        Slices that carry each flag, by its name.
    flags
        Reasons to look at this answer.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    slices: int
    share_positive: float
    deciding: tuple[int, ...]
    flagged: dict[str, int]
    flags: tuple[Flag, ...]


def summarise(decisions: Sequence[Decision], task: Task) -> SeriesPrediction:
    """Answer a series from the answers to its slices.

    The slices with the highest probability of the positive label decide: a tenth of them, rounded up, and at least
    three. Slices with a flag on the image itself are left aside, unless there are no others.

    Parameters
    ----------
    decisions
        Of the slices, in their order; at least one.
    task
        The bundle's labels, positive label and threshold.
    """
    if not decisions:
        raise ValueError("a series without answers cannot be summarised")
    sound = [n for n, one in enumerate(decisions) if _ON_THE_ANSWER.issuperset(flag.name for flag in one.flags)]
    candidates = sound or list(range(len(decisions)))
    candidates.sort(key=lambda n: (-decisions[n].probabilities[task.positive], n))
    deciding = candidates[: max(FEWEST, math.ceil(SHARE * len(candidates)))]
    said = np.array([[decisions[n].probabilities[label] for label in task.labels] for n in deciding])
    voted = vote(said, list(said.max(axis=1)))
    positive = task.labels.index(task.positive)
    label = int(decide(voted, positive=positive, threshold=task.threshold))
    flagged = Counter(name for one in decisions for name in {flag.name for flag in one.flags})
    return SeriesPrediction(
        label=task.labels[label],
        probability=float(voted[label]),
        probabilities={name: float(p) for name, p in zip(task.labels, voted, strict=True)},
        slices=len(decisions),
        share_positive=sum(one.label == task.positive for one in decisions) / len(decisions),
        deciding=tuple(deciding),
        flagged=dict(sorted(flagged.items())),
        flags=_doubts(decisions, deciding, len(sound)),
    )


def by_series(places: Mapping[int, Series]) -> dict[str, list[int]]:
    """Put scans that belong together in order.

    Parameters
    ----------
    places
        Place in its series, by any number that identifies the scan.

    Returns
    -------
    By the pseudonym of the series, the scans' numbers: by position where all have one, else by instance and frame.
    Series of fewer than two scans are left out.
    """
    found: dict[str, list[int]] = {}
    for number, place in places.items():
        if place.series:
            found.setdefault(place.series, []).append(number)
    for numbers in found.values():
        placed = all(places[n].position is not None for n in numbers)
        numbers.sort(key=lambda n: _order(places[n], placed=placed))
    return {name: numbers for name, numbers in found.items() if len(numbers) > 1}


def foreign_modality(scan_modality: str, task_modality: str) -> Flag | None:
    """Flag a scan of another modality than the bundle's; None where it is the same, or not known.

    ``CR``, ``DX`` and ``DR`` are all radiographs and count as one.
    """
    if scan_modality == UNKNOWN or _kind(scan_modality) == _kind(task_modality):
        return None
    return Flag("other-modality", f"modality {scan_modality}, the bundle was trained on {task_modality}")


def of_place(place: Series | None, task_modality: str) -> tuple[Flag, ...]:
    """Flags on what a file says that it is: another modality, or an overview rather than a slice."""
    if place is None:
        return ()
    other = foreign_modality(place.modality, task_modality)
    overview = Flag("localizer", "the image is an overview to plan slices on, not a slice") if place.localizer else None
    return tuple(flag for flag in (other, overview) if flag)


def placed(decision: Decision, place: Series | None, task: Task) -> Decision:
    """Put the flags of `of_place` before a decision's own."""
    flags = of_place(place, task.modality)
    return msgspec.structs.replace(decision, flags=(*flags, *decision.flags)) if flags else decision


def _kind(modality: str) -> str:
    return "radiograph" if modality.upper() in _RADIOGRAPHS else modality.upper()


def _order(place: Series, *, placed: bool) -> tuple[float, int, int]:
    return (place.position or 0.0) if placed else 0.0, place.instance or 0, place.frame or 0


def _doubts(decisions: Sequence[Decision], deciding: Sequence[int], sound: int) -> tuple[Flag, ...]:
    doubtful = sum(bool(decisions[n].flags) for n in deciding)
    flags = []
    if not sound:
        flags.append(Flag("no-sound-slice", "every slice has a flag on the image itself"))
    if len(decisions) < FEWEST:
        flags.append(Flag("few-slices", f"{len(decisions)} slices, fewer than {FEWEST}"))
    if doubtful:
        flags.append(Flag("doubtful-slices", f"{doubtful} of the {len(deciding)} slices that decided are flagged"))
    return tuple(flags)
