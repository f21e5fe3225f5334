"""Whether an artefact still decides as its original does."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

import msgspec

from .changes import SIGNIFICANCE, p_of_count, p_of_loss

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Parity

    from .changes import Changes
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
    p_value
        Of a count: probability of so many changes or more if the tolerance were just met. None where the difference
        itself decides.
    """

    figure: str
    difference: float
    tolerance: float | None
    p_value: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the difference is accepted: within the tolerance, or not refuted by so few scans."""
        if self.tolerance is None or self.difference <= self.tolerance + _ROUNDING:
            return True
        return self.p_value is not None and self.p_value > SIGNIFICANCE


class Gate(msgspec.Struct, frozen=True):
    """All comparisons of one artefact, or of the vote at one precision."""

    passed: bool
    comparisons: tuple[Comparison, ...]

    @property
    def failures(self) -> tuple[Comparison, ...]:
        """The comparisons that did not pass."""
        return tuple(one for one in self.comparisons if not one.passed)


def judge(parity: Parity, tolerance: Tolerance, *, changes: Changes | None = None, not_finite: int = 0) -> Gate:
    """Judge an artefact's parity by a tolerance.

    Parameters
    ----------
    changes
        Counts that tolerances on shares are tested by, with a confidence of 95 %; where they are not given, the shares
        themselves decide.
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
    p_values = _p_values(changes, parity.scans, accepted) if changes else {}
    comparisons = (
        Comparison("not_finite", float(not_finite), 0.0),
        *(Comparison(name, value, accepted[name], p_values.get(name)) for name, value in differences.items()),
    )
    return Gate(all(one.passed for one in comparisons), comparisons)


def _p_values(changes: Changes, scans: int, accepted: dict[str, float | None]) -> dict[str, float]:
    """Return the p-value of each share with a tolerance above 0; a tolerance of 0 accepts no change."""
    found = {}
    for name in ("flips", "accuracy", "sensitivity"):
        tolerance = accepted[name]
        if tolerance:
            found[name] = (
                p_of_count(changes.flips, scans, tolerance)
                if name == "flips"
                else p_of_loss(getattr(changes, name), tolerance)
            )
    return found


def in_words(gate: Gate) -> str:
    """Say which figures failed, by how much, and what is accepted."""
    if gate.passed:
        return "passed"
    return ", ".join(
        f"{c.figure} {c.difference:.4g} (accepted: {c.tolerance:.4g}"
        + ("" if c.p_value is None else f", refuted with p = {c.p_value:.2g}")
        + ")"
        for c in gate.failures
    )
