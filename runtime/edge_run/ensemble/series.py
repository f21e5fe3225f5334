"""Slices of a series -> one answer for the series.

The networks were trained on single slices, and nobody has measured this answer on whole series: the rule is
simple and stated, its figures are not known.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

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


class SeriesPrediction(msgspec.Struct, frozen=True):
    """What the slices of one series say together.

    Attributes
    ----------
    label
        The answer, by the bundle's rule for one scan.
    probability, probabilities
        Probability of ``label``, and of every label: mean over the slices that decided, each weighted by its
        confidence. Not calibrated: it is the top of many, and grows with their number.
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

    def to_dict(self, name: str, slices: Sequence[str]) -> dict[str, Any]:
        """Return the record that every door gives out.

        Parameters
        ----------
        name
            Pseudonym of the series.
        slices
            Names of its scans, in their order.
        """
        record: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        record["deciding"] = [slices[n].encode("utf-8", "replace").decode("utf-8") for n in self.deciding]
        return {"path": f"series {name}", "series": record}


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
