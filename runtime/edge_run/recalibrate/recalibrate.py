"""The whole of ``edge-run recalibrate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_run.bundle.bundle import Bundle
from edge_run.bundle.writer import ZIP, BundleWriter
from edge_run.cases import reading, verify
from edge_run.errors import GateError, UsageError
from edge_run.flags.thresholds import Target, check_reachable

from .labelled import select
from .new_flags import RESAMPLES, fit_new_flags
from .new_manifest import new_manifest
from .refit import refit
from .report import Report, report

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edge_run.bundle.manifest import FlagThresholds, Manifest
    from edge_run.cases import CaseLog

    from .labelled import Selection

FEWEST = 20
"""Scans of each class: with fewer, one scan moves sensitivity or specificity by more than five points, and a tenth of
the scans, which is one fold of the cross-fit, may hold none."""
FEWEST_PATIENTS = 10
"""Patients of each class: with fewer, a standard error over patients means little."""
MOST_EARLY = 0.05
"""Share of the noted scans that may have answers that stopped early alone."""


class Request(NamedTuple):
    """How to recalibrate.

    Attributes
    ----------
    precision
        Use answers at this one; the one with the most noted scans where None.
    since
        Use cases from this time on, as :func:`edge_run.cases.ids.utc` writes it.
    operating_point
        See :func:`.refit.refit`.
    flag_target
        Of the flags' thresholds; the parent's where None.
    also
        Other bundles whose answers count: they must have the same networks.
    patients
        Patient by accession number, see :mod:`.patients`.
    name
        Of the new bundle; that of its folder where empty.
    """

    precision: str | None = None
    since: str = ""
    operating_point: str | None = None
    flag_target: Target | None = None
    also: tuple[Bundle, ...] = ()
    patients: dict[str, str] | None = None
    name: str = ""


def recalibrate(
    bundle: Bundle,
    log: CaseLog,
    out: Path | None,
    request: Request = Request(),  # noqa: B008 - immutable
    *,
    damaged: list[int] | None = None,
    on_report: Callable[[Report], None] = lambda _report: None,
) -> Report:
    """Fit a bundle's vote on the noted cases of a log, and write it as a bundle of its own where it is better.

    Parameters
    ----------
    out
        Folder to make, or a path ending in ``.zip``; None: nothing is written.
    damaged
        Gets the numbers of the log's entries that are left out because they cannot be read.
    on_report
        Called once the comparison is known, also where it is refused.

    Raises
    ------
    UsageError
        Too few cases of a class, too many that stopped early, an unknown precision or operating point, a target of the
        flags that is out of reach, or ``out`` is taken.
    GateError
        The new vote is not better than the present one, or the log was altered; nothing is written.
    """
    if request.precision is not None and request.precision not in bundle.precisions:
        raise UsageError(
            f"{bundle.manifest.name} has no precision {request.precision}",
            hint=f"choose from {', '.join(bundle.precisions)}",
        )
    head = _intact_head(log)
    unreadable: list[int] = []
    selection = select(
        bundle,
        lambda: reading.cases(log, since=request.since, damaged=unreadable),
        request.precision,
        family=[_alike(bundle, other).sha256 for other in request.also],
        patients=request.patients,
    )
    if damaged is not None:
        # The log is read twice.
        damaged += sorted(set(unreadable))
    new, found = fit_vote(bundle, selection, request, name=_name(bundle, request, out), log_head=head)
    if not found.accepted:
        on_report(found)
        raise GateError(
            f"nothing was changed: {'; '.join(found.reasons)}",
            hint="go on with the present bundle, and note more cases; only retraining separates what networks confuse",
        )
    if out is not None:
        with BundleWriter(out) as writer:
            writer.copy(bundle, new.files)
            writer.finish(new)
        found = msgspec.structs.replace(found, out=str(out), sha256=Bundle(out).sha256)
    on_report(found)
    return found


def fit_vote(
    bundle: Bundle,
    selection: Selection,
    request: Request,
    *,
    name: str = "",
    log_head: str = "",
    resamples: int = RESAMPLES,
) -> tuple[Manifest, Report]:
    """Fit a vote on the chosen cases: the manifest of the new bundle, and the comparison with the present one.

    Parameters
    ----------
    resamples
        Of the bootstrap that gives figures their intervals.

    Raises
    ------
    UsageError
        As :func:`recalibrate`, but for ``out`` and the precision.
    """
    _require_enough(bundle, selection)
    manifest, cases, precision = bundle.manifest, selection.cases, selection.precision
    target = request.flag_target or _target(manifest.flags[precision])
    check_reachable(target, cases.groups)
    try:
        fitted = refit(manifest, precision, cases, request.operating_point)
    except ValueError as error:
        raise UsageError(str(error), hint="--operating-point youden") from error
    flags = fit_new_flags(manifest, precision, cases, fitted, target)
    new = new_manifest(bundle, name or manifest.name, selection, fitted, flags, log_head, resamples)
    return new, report(bundle, new, selection, fitted, resamples)


def _name(bundle: Bundle, request: Request, out: Path | None) -> str:
    """Return what the new bundle is called: as asked for, else as its folder."""
    return request.name or (out.resolve().name.removesuffix(ZIP) if out else bundle.manifest.name)


def _alike(bundle: Bundle, other: Bundle) -> Bundle:
    """Refuse a bundle whose logits or distances are not those of this one."""

    def answering(one: Bundle) -> object:
        manifest = one.manifest
        networks = [
            (m.id, {p: (a.file.sha256 if a.file else a.derived_from) for p, a in m.artefacts.items()})
            for m in manifest.members
        ]
        compared = {p: t.feature_distance.statistics.sha256 for p, t in manifest.flags.items() if t.feature_distance}
        return networks, compared, manifest.task.labels, manifest.preprocess

    if answering(other) != answering(bundle):
        raise UsageError(
            f"{other.path} has other networks than {bundle.path}: its logits mean something else",
            hint="give --also only bundles of the same export",
        )
    return other


def _target(thresholds: FlagThresholds) -> Target:
    """Read the target of the parent's flags, as :class:`edge_run.flags.thresholds.Target` writes it."""
    kind, _, share = thresholds.target.partition("=")
    try:
        return Target(kind, float(share)) if kind in ("rate", "error") else Target()
    except ValueError:
        return Target()


def _intact_head(log: CaseLog) -> str:
    """Verify the log, whose notes decide how patients are answered, and return the hash of its last entry."""
    chain = verify(log)
    if chain.faults:
        raise GateError(
            f"the case log {log.path} was altered: {chain.faults[0].message}",
            hint="edge-run cases verify; use a backup that verifies",
        )
    return chain.head_hash


def _require_patients(bundle: Bundle, selection: Selection) -> None:
    cases = selection.cases
    few = []
    for index, label in enumerate(bundle.labels):
        count = len({group for group, target in zip(cases.groups, cases.targets, strict=True) if target == index})
        few += [f"{count} of {label}"] if count < FEWEST_PATIENTS else []
    if few:
        raise UsageError(
            f"the noted scans come from too few patients: {' and '.join(few)}, of each class at least "
            f"{FEWEST_PATIENTS} are needed; scans of one patient are no independent evidence",
            hint="note scans of more patients",
        )


def _require_enough(bundle: Bundle, selection: Selection) -> None:
    targets = selection.cases.targets
    early, scans = selection.early_scans, len(targets)
    if early > MOST_EARLY * (scans + early):
        raise UsageError(
            f"{early} of {scans + early} noted scans have only answers that stopped early, which lack members; the "
            "scans that are left are the harder ones, and would give too high temperatures",
            hint="edge-run predict these scans again without --early-exit: a note counts for its scan",
        )
    counts = {label: int((targets == index).sum()) for index, label in enumerate(bundle.labels)}
    few = [f"{count} of {label}" for label, count in counts.items() if count < FEWEST]
    if few:
        left_out = ", ".join(f"{count} {reason}" for reason, count in selection.left_out.items())
        raise UsageError(
            f"too few noted scans: {' and '.join(few)}, of each class at least {FEWEST} are needed; with fewer, one "
            f"scan moves sensitivity by more than 5 points" + (f" (cases left out: {left_out})" if left_out else ""),
            hint="edge-run cases list; edge-run cases note ID --label LABEL",
        )
    _require_patients(bundle, selection)
