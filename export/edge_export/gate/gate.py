"""Whether an artefact still decides as its original does."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Parity

    from .precisions import Tolerance

_ROUNDING = 1e-9


class Comparison(msgspec.Struct, frozen=True):
    """One figure against its tolerance.

    Attributes
    ----------
    figure
        Of :class:`edge_export.gate.precisions.Tolerance`, or ``not_finite``: scans without a finite answer.
    difference
        The difference; it is also the smallest tolerance that would have passed.
    tolerance
        What was accepted; None where the figure is only reported.
    """

    figure: str
    difference: float
    tolerance: float | None

    @property
    def passed(self) -> bool:
        """Whether the difference is accepted."""
        return self.tolerance is None or self.difference <= self.tolerance + _ROUNDING


class Gate(msgspec.Struct, frozen=True):
    """All comparisons of one artefact, or of the vote at one precision."""

    passed: bool
    comparisons: tuple[Comparison, ...]

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that did not pass."""
        return tuple(one for one in self.comparisons if not one.passed)


def judge(parity: Parity, tolerance: Tolerance, *, not_finite: int = 0) -> Gate:
    """Judge an artefact's parity by a tolerance.

    Parameters
    ----------
    not_finite
        Scans to which it answered with NaN or infinity; none are accepted.
    """
    differences = {
        "logit": parity.max_abs_logit,
        "probability": parity.max_abs_probability,
        "flips": parity.flips / parity.scans,
        "accuracy": max(0.0, parity.reference_accuracy - parity.accuracy),
        "sensitivity": max(0.0, parity.reference_sensitivity - parity.sensitivity),
        "auroc": max(0.0, parity.reference_auroc - parity.auroc),
    }
    accepted = {name: None if isinf(value) else value for name, value in tolerance._asdict().items()}
    comparisons = (
        Comparison("not_finite", float(not_finite), 0.0),
        *(Comparison(name, value, accepted[name]) for name, value in differences.items()),
    )
    return Gate(all(one.passed for one in comparisons), comparisons)


def in_words(gate: Gate) -> str:
    """Say which figures failed, by how much, and what is accepted."""
    if gate.passed:
        return "passed"
    return ", ".join(f"{c.figure} {c.difference:.4g} (accepted: {c.tolerance:.4g})" for c in gate.failures)
