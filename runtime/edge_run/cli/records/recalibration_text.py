"""A recalibration as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.flags.catch import flag_catch

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Figure
    from edge_run.recalibrate import Report
    from edge_run.recalibrate.report import Change

FIGURES = ("accuracy", "sensitivity", "specificity", "auroc", "ece", "nll")


def recalibration_text(report: Report) -> str:
    """Write what was used, what would change, and what it is worth."""
    used = ", ".join(f"{count} {label}" for label, count in report.labels.items())
    lines = [
        f"bundle {report.bundle} {report.bundle_sha256[:12]}, {report.precision}",
        f"  used: {sum(report.labels.values())} noted scans ({used})",
        *(f"  left out: {count} cases, {reason}" for reason, count in report.left_out.items()),
    ]
    if report.corrected:
        lines.append(f"  {report.corrected} scans were noted with different labels: the last one counts")
    lines += [f"  {_groups(report)}", ""]
    lines += [f"{'':<14}{'temperature':>20}{'weight':>20}"]
    lines += [
        f"{member_id:<14}{_change(report.temperatures[member_id]):>20}{_change(report.weights[member_id]):>20}"
        for member_id in report.weights
    ]
    lines += [_point(report), "", f"{'on these cases':<14}{'present vote':>26}{'new vote, cross-fitted':>30}"]
    for name in FIGURES:
        now, new = report.before.figures[name], report.evaluation.figures[name]
        lines.append(f"{name:<14}{_figure(now):>26}{_figure(new):>30}")
    lines += ["", f"NLL changes by {-report.gain:+.4f}, standard error {report.gain_error:.4f}"]
    caught = flag_catch(report.evaluation, report.flags)
    if caught:
        lines.append(f"with the new thresholds ({report.flags.target}), {caught.sentence()}")
    lines += [f"warning: {text}" for text in report.warnings]
    if report.accepted:
        lines.append(f"written: {report.out} {report.sha256[:12]}" if report.out else "nothing is written: a dry run")
    return "\n".join(lines)


def _groups(report: Report) -> str:
    scans, groups = sum(report.labels.values()), report.groups
    if report.patients:
        return (
            f"{report.patients} scans have a known patient; {groups} patients, or scans without one, are the evidence"
        )
    same = f"{scans - groups} scans have the same pixels as another and count with it; " if groups < scans else ""
    return f"{same}the log holds no patients: where some have several scans, give --patients"


def _change(change: Change) -> str:
    return f"{_number(change.before)} -> {_number(change.after)}"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _point(report: Report) -> str:
    line = f"operating point  {_change(report.threshold)}"
    if report.threshold_gain is None or report.threshold_error is None:
        return line
    moved = report.threshold.before != report.threshold.after
    verdict = "moving it changes" if moved else "kept: moving it would change"
    return (
        f"{line}   ({verdict} balanced accuracy by {report.threshold_gain:+.3f}, "
        f"standard error {report.threshold_error:.3f})"
    )


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "not available"
    interval = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{interval}"
