"""What a recalibration used, left out, changed, and gained."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_run.bundle.manifest import Evaluation, FlagThresholds

from .new_flags import evaluate

if TYPE_CHECKING:
    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Manifest

    from .labelled import Selection
    from .refit import Refit


class Change(msgspec.Struct, frozen=True):
    """A number of the parent, and of the new bundle."""

    before: float | None
    after: float | None


class Report(msgspec.Struct, frozen=True):
    """One recalibration, whether it was accepted or not.

    Attributes
    ----------
    bundle, bundle_sha256
        The parent.
    labels
        Scans used, by noted label.
    left_out
        Cases not used, by reason.
    corrected
        Scans with several notes of which the last label counted.
    groups
        What standard errors and intervals are taken over: patients where they are known, else scans of other pixels.
    patients
        Scans whose patient is known.
    nll, gain, gain_error
        NLL of the parent's vote and of the new one, cross-fitted, nats; by how much it falls, and the standard error.
    accepted
        Nothing speaks against the new vote.
    reasons
        What does, one sentence each.
    warnings
        What a reader should know, one sentence each.
    temperatures, weights
        By member.
    threshold_gain, threshold_error
        By how much the refitted operating point raises balanced accuracy, cross-fitted; None where a rule was given.
    flags, evaluation
        Of the new bundle at this precision.
    before
        The parent's figures on the same cases.
    out, sha256
        The new bundle; empty where nothing was written.
    """

    bundle: str
    bundle_sha256: str
    precision: str
    labels: dict[str, int]
    left_out: dict[str, int]
    corrected: int
    groups: int
    patients: int
    nll: Change
    gain: float
    gain_error: float
    accepted: bool
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]
    temperatures: dict[str, Change]
    weights: dict[str, Change]
    threshold: Change
    threshold_gain: float | None
    threshold_error: float | None
    flags: FlagThresholds
    evaluation: Evaluation
    before: Evaluation
    out: str = ""
    sha256: str = ""


def report(bundle: Bundle, new: Manifest, selection: Selection, fitted: Refit, resamples: int) -> Report:
    """Compare the manifest of a recalibrated bundle with its parent's."""
    old, precision = bundle.manifest, selection.precision
    pairs = list(zip(old.members, new.members, strict=True))
    assert new.recalibration is not None  # noqa: S101 - it was just made
    gain = fitted.threshold_gain
    return Report(
        bundle=old.name,
        bundle_sha256=bundle.sha256,
        precision=precision,
        labels=new.recalibration.labels,
        left_out=selection.left_out,
        corrected=selection.corrected,
        groups=new.recalibration.groups,
        patients=selection.patients,
        nll=Change(fitted.present_nll.mean, fitted.nll.mean),
        gain=fitted.gain.mean,
        gain_error=fitted.gain.error,
        accepted=not (reasons := _reasons(fitted)),
        reasons=reasons,
        warnings=fitted.warnings,
        temperatures={
            a.id: Change(a.artefacts[precision].temperature, b.artefacts[precision].temperature) for a, b in pairs
        },
        weights={a.id: Change(a.weight, b.weight) for a, b in pairs},
        threshold=Change(old.task.threshold, new.task.threshold),
        threshold_gain=gain.mean if gain else None,
        threshold_error=gain.error if gain else None,
        flags=new.flags[precision],
        evaluation=new.evaluation[precision],
        before=evaluate(old, selection.cases, fitted.present, old.task.threshold, resamples),
    )


def _reasons(fitted: Refit) -> tuple[str, ...]:
    if fitted.better:
        return fitted.weak
    gain = (
        f"the new vote is not better than the present one: its cross-fitted NLL on the cases is {fitted.nll.mean:.4f}, "
        f"that of the present vote {fitted.present_nll.mean:.4f}, and the difference of {fitted.gain.mean:+.4f} is not "
        f"more than its standard error, {fitted.gain.error:.4f}"
    )
    return (gain, *fitted.weak)
