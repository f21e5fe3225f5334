"""``edge-run export``: run directory -> bundle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.bundle.writer import BundleWriter
from edge_run.errors import GateError, UsageError
from edge_run.flags.catch import flag_line
from edge_run.flags.thresholds import RATE, Target, check_reachable
from edge_train.run import Run

from .bundle.assemble import BEDSIDE, BundleInfo, assemble
from .bundle.card import blank_card, read_card
from .bundle.report import ExportReport, report
from .flags.flags import fit_flags, fit_image_flags, fit_ood
from .flags.stages import Point, fit_stages, low_confidence
from .gate import gate
from .gate.compile import compile_member, compile_vote
from .gate.precisions import RECIPES, chosen
from .gate.reference_choice import choose_reference
from .gate.trained_member import load_trained_member
from .graphs.ranges import METHODS
from .reporter import Reporter
from .scans.export_scans import read_export_scans

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from edge_run.bundle.manifest import Manifest

    from .gate.compile import CompiledMember, PrecisionVote
    from .scans.export_scans import ValidationScans

BEST = "best"
UNCLEAR = "of the others, a member hardly decides between two labels"


def export(
    run_folder: Path,
    folders: Sequence[Path],
    out: Path,
    *,
    precisions: Sequence[str] = tuple(RECIPES),
    name: str | None = None,
    modality: str = "CT",
    card: Path | None = None,
    calibration: str = METHODS[0],
    calibration_scans: int = 200,
    tolerances: Mapping[str, float] | None = None,
    flag_target: Target = Target(),  # noqa: B008 - immutable
    command: str = "",
    reporter: Reporter = Reporter(),  # noqa: B008 - immutable
    reported: Callable[[ExportReport], None] = lambda _report: None,
) -> Manifest:
    """Compile every member, compare it with its original on the validation scans, and write a bundle.

    Parameters
    ----------
    folders
        The scans that the run was trained on; another data set is refused.
    out
        Folder to make, or a path ending in ``.zip``; there whole or not at all.
    precisions
        Of :data:`edge_export.gate.precisions.RECIPES`.
    name
        Short name; that of ``out`` by default.
    modality
        DICOM's defined term for what the scans are.
    card
        JSON of :class:`edge_run.bundle.manifest.Card`.
    calibration
        Of `edge_export.graphs.ranges.METHODS`, or ``best``: each INT8 artefact takes the best one on the
        validation scans.
    calibration_scans
        How many training scans set the INT8 ranges; all where there are fewer.
    tolerances
        See :func:`edge_export.gate.precisions.chosen`.
    flag_target
        Target of the thresholds of the flags, see :mod:`edge_run.flags.thresholds`.
    reported
        Receives the report, whether the gates pass or not.

    Raises
    ------
    UsageError
        ``out`` is taken, a precision, method or tolerance is unknown, the card cannot be read, or the target of the
        flags is out of reach.
    DataError
        The scans are not those of the run.
    BundleError
        The run is damaged.
    GateError
        An artefact or the vote differs from the original by more than is accepted, or a quantised artefact is neither
        much smaller nor faster than FP32; nothing is written.
    BackendError
        An artefact cannot be run.
    """
    recipes = chosen(precisions, tolerances)
    methods = _methods(calibration) if any(recipe.calibrated for recipe in recipes.values()) else ()
    if calibration_scans < 1:
        raise UsageError(f"{calibration_scans} scans calibrate nothing", hint="--calibration-scans 200")
    if not 0 < flag_target.share < 1:
        raise UsageError(f"{flag_target} is no share between 0 and 1", hint=f"--flag-{flag_target.kind} 0.1")
    run = Run(run_folder)
    info = BundleInfo(name or _name(out), modality, read_card(card) if card else blank_card(run), command)
    with BundleWriter(out) as writer:
        scans = read_export_scans(run, folders, calibration_scans=calibration_scans if methods else 0)
        check_reachable(flag_target, scans.validation.groups)
        compiled = []
        for voter in run.ensemble.members:
            progress = reporter.progress(f"{voter.id}: calibrating")
            original = load_trained_member(run, voter, scans, writer.scratch, methods, progress)
            compiled.append(compile_member(original, recipes, scans, reporter))
        votes = {p: compile_vote(compiled, p, recipe, scans, reporter) for p, recipe in recipes.items()}
        judged = report(info.name, run.record.config.preprocess.size, recipes, compiled, votes)
        reported(judged)
        _refuse(judged)
        _refuse_no_gain(judged)
        compiled, scans, clear = choose_reference(compiled, recipes, scans)
        if clear < len(scans.reference):
            reporter.say(
                f"note: verify compares the labels of {clear} of {len(scans.reference)} reference scans: {UNCLEAR}"
            )
        stages = _stages(compiled, votes, scans.validation, flag_target)
        spec, progress = run.record.config.preprocess, reporter.progress("features of the training scans")
        ood = fit_ood(compiled, recipes, stages[0], scans, spec, writer.add_array, progress)
        validation = scans.validation
        image = fit_image_flags(scans.training, validation.paths, ood.typical[1], writer.add_array, reporter.say)
        flags = fit_flags(compiled, votes, stages[0], run.record.labels, scans, ood, image, flag_target)
        manifest = assemble(run, info, recipes, scans, compiled, votes, stages, flags, writer)
        for precision in recipes:
            reporter.say(flag_line(manifest, precision))
        writer.finish(manifest)
    return manifest


def _stages(
    compiled: Sequence[CompiledMember], votes: Mapping[str, PrecisionVote], validation: ValidationScans, target: Target
) -> tuple[tuple[str, ...], ...]:
    """The order of answering, for the precision that the bedside takes by default where it is there."""
    precision = BEDSIDE if BEDSIDE in votes else next(iter(votes))
    probabilities = [c.artefacts[precision].output.probabilities for c in compiled]
    weights = [c.original.weight for c in compiled]
    flagged = target.share if target.kind == RATE else Target().share
    point = Point(validation.positive, validation.threshold, low_confidence(probabilities, weights, flagged))
    originals = [c.original for c in compiled]
    return fit_stages([o.id for o in originals], weights, [o.macs for o in originals], probabilities, point)


def _methods(calibration: str) -> tuple[str, ...]:
    if calibration not in (*METHODS, BEST):
        raise UsageError(f"calibration {calibration!r} is unknown", hint=f"choose from {', '.join(METHODS)}, {BEST}")
    return METHODS if calibration == BEST else (calibration,)


def _refuse(report: ExportReport) -> None:
    """Raise GateError if a gate failed, with all that failed."""
    gates = {f"{member_id} {p}": a.gate for member_id, by in report.members.items() for p, a in by.items()}
    gates |= {f"vote {precision}": voted.gate for precision, voted in report.vote.items()}
    failed = [f"{what}: {gate.in_words(judged)}" for what, judged in gates.items() if not judged.passed]
    if failed:
        raise GateError(
            f"no bundle was written, these differ too much from their originals: {'; '.join(failed)}",
            hint="leave that precision out, calibrate with --calibration best, or accept more with --tolerance",
        )


def _refuse_no_gain(report: ExportReport) -> None:
    """Raise GateError if a quantised artefact is neither much smaller nor faster than FP32."""
    without = {
        f"{member_id} {precision}": built
        for member_id, by in report.members.items()
        for precision, built in by.items()
        if built.no_gain and built.method
    }
    if not without:
        return
    described = [
        f"{what}: {built.gain.bytes / 1e6:.1f} MB, FP32 has {built.gain.fp32_bytes / 1e6:.1f} MB"
        + ("" if built.gain.speed is None else f"; {built.gain.speed:.2f} times as fast")
        + f"; {len(built.float_layers)} layers are kept in float"
        for what, built in without.items()
    ]
    precisions = sorted({what.split()[1] for what in without})
    raise GateError(
        f"no bundle was written, these gain nothing over FP32: {'; '.join(described)}",
        hint=f"leave {', '.join(precisions)} out of --precision, or accept the figures that started the repair above "
        "with --tolerance, such as --tolerance flips=0.02",
    )


def _name(out: Path) -> str:
    name = out.resolve().name
    return name.removesuffix(".zip")
