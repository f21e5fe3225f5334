"""Compare pairs of trials that differ in one thing only."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from benchmarks.accuracy.protocols import DISJOINT
from benchmarks.accuracy.rows import ENSEMBLE, Row, Trial
from benchmarks.accuracy.statistics import Paired, paired

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALPHA = 0.05


class Question(NamedTuple):
    """What is changed: a field of the trial, from one value to others.

    Attributes
    ----------
    difference
        How the tables name it.
    """

    name: str
    field: str
    before: str
    difference: str


class Measure(NamedTuple):
    """A figure that is compared; ``better`` is the sign of a difference for the better."""

    name: str
    field: str
    better: int
    calibrated: bool = True


OS = Question("OS", "arm", "ce", "OS - cross-entropy")
SOURCE = Question("the source stage", "source", "", "with - without source stage")
ACCURACY = Measure("accuracy", "accuracy", 1)
MEASURES = (
    ACCURACY,
    Measure("ECE", "ece", -1),
    Measure("ECE at temperature 1", "ece", -1, calibrated=False),
    Measure("NLL", "nll", -1),
)


def pairs(rows: Iterable[Row], question: Question) -> list[tuple[Row, Row]]:
    """Rows before and after the change, alike in all else: trial, arithmetic and device."""
    by_key: dict[tuple[Trial, str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        same = msgspec.structs.replace(row.trial, **{question.field: ""})
        by_key[same, row.arithmetic, row.device][getattr(row.trial, question.field)] = row
    return [
        (found[question.before], after)
        for found in by_key.values()
        if question.before in found
        for value, after in found.items()
        if value != question.before
    ]


def compare(
    rows: Sequence[Row], question: Question, measure: Measure, *, protocol: str, dataset: str, ensemble: bool
) -> Paired | None:
    """Test one figure of one protocol.

    What one seed gives on one set is one pair: its members see the same scans in the same order, and the arms beside
    a source stage do too, so their differences are averaged, not counted.

    Parameters
    ----------
    dataset
        A set's name; empty for all sets.
    ensemble
        The vote; otherwise the mean over the members.

    Returns
    -------
    None where there is no pair or the figure is not defined.
    """
    units: dict[tuple[str, int], list[float]] = defaultdict(list)
    for before, after in pairs(rows, question):
        trial = before.trial
        # Beside the source stage, OS would be tested twice on one seed.
        told = question is OS and trial.source
        if told or trial.protocol != protocol or dataset not in ("", trial.dataset):
            continue
        first, second = (_figures(row, measure) for row in (before, after))
        for name in [ENSEMBLE] if ensemble else trial.members:
            old, new = first.get(name, {}).get(measure.field), second.get(name, {}).get(measure.field)
            if old is not None and new is not None:
                units[trial.dataset, trial.seed].append(new - old)
    return paired([float(np.mean(found)) for found in units.values()]) if units else None


def _figures(row: Row, measure: Measure) -> dict[str, dict[str, float | None]]:
    return row.test if measure.calibrated else row.uncalibrated


def answer(rows: Sequence[Row], question: Question, measure: Measure, *, ensemble: bool) -> str:
    """Say in one sentence whether the change helps, over all sets with patients kept apart."""
    asked = f"Does {question.name} help {measure.name} here{' (of the vote)' if ensemble else ''}?"
    found = compare(rows, question, measure, protocol=DISJOINT, dataset="", ensemble=ensemble)
    if found is None:
        return f"{asked} No pair has been trained yet."
    low, high = found.interval
    if found.p <= ALPHA and (low > 0 or high < 0):
        verdict = "yes" if found.difference.mean * measure.better > 0 else "no, it harms"
    else:
        verdict = "not shown"
    n = found.difference.n
    least = f", too few for a p below {found.smallest_p:.3g}" if found.smallest_p > ALPHA else ""
    reach = f"95 % interval {low:+.3f} to {high:+.3f}" if n > 1 else "no interval"
    return (
        f"{asked} **{verdict}** ({question.difference} {found.difference.mean:+.3f}, {reach}, p {found.p:.2g}, "
        f"{n} pair{'s' if n > 1 else ''}{least})."
    )
