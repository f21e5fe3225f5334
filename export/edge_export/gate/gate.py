"""Whether an artefact still decides as its original does."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Parity

    from .precisions import Tolerance

_ROUNDING = 1e-9


class Check(msgspec.Struct, frozen=True):
    """One figure against its tolerance.

    Attributes
    ----------
    figure
        Of :class:`edge_export.gate.precisions.Tolerance`, or ``not_finite``: scans answered with a number that is none.
    found
        The difference; it is also the smallest tolerance that would have passed.
    tolerance
        What was accepted; None where the figure is only reported.
    """

    figure: str
    found: float
    tolerance: float | None

    @property
    def passed(self) -> bool:
        """Whether the difference is accepted."""
        return self.tolerance is None or self.found <= self.tolerance + _ROUNDING


class Gate(msgspec.Struct, frozen=True):
    """All checks of one artefact, or of the vote at one precision."""

    passed: bool
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """What did not pass."""
        return tuple(check for check in self.checks if not check.passed)


def judge(parity: Parity, tolerance: Tolerance, *, not_finite: int = 0) -> Gate:
    """Hold an artefact's parity against a tolerance.

    Parameters
    ----------
    not_finite
        Scans to which it answered with NaN or infinity; none are accepted.
    """
    found = {
        "logit": parity.max_abs_logit,
        "probability": parity.max_abs_probability,
        "flips": parity.flips / parity.scans,
        "accuracy": max(0.0, parity.reference_accuracy - parity.accuracy),
        "sensitivity": max(0.0, parity.reference_sensitivity - parity.sensitivity),
        "auroc": max(0.0, parity.reference_auroc - parity.auroc),
    }
    accepted = {name: None if isinf(value) else value for name, value in tolerance._asdict().items()}
    checks = (
        Check("not_finite", float(not_finite), 0.0),
        *(Check(name, value, accepted[name]) for name, value in found.items()),
    )
    return Gate(all(check.passed for check in checks), checks)


def in_words(gate: Gate) -> str:
    """What failed, and what would have passed."""
    if gate.passed:
        return "passed"
    return ", ".join(f"{c.figure} {c.found:.4g} (accepted: {c.tolerance:.4g})" for c in gate.failures)
