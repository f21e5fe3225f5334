"""The comparison of answered scans with validation scans as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_run.cases.comparison import Comparison
    from edge_run.cases.drift import Drift, Report

MARKS = {"stable": "ok   ", "shifted": "shift", "drifted": "DRIFT", "unknown": "?    "}
CONCLUSION = {
    "stable": "no drift: the scans look like those of the validation",
    "shifted": "some drift: a measure has shifted by more than chance explains; look at the newest cases",
    "drifted": "drift: the scans no longer look like those of the validation; check the answers before they are used",
}


def drift_text(report: Report) -> str:
    """Write how far the scans have drifted, and what to do about it."""
    lines = [f"bundle {report.bundle} {report.bundle_sha256[:12]}"]
    if report.other:
        lines.append(f"  left out: {report.other} cases of other bundles, or of another export of this one")
    for found in report.precisions:
        lines += _of_precision(found)
    if not report.precisions:
        lines.append("  no case in the log was answered by this bundle: nothing to compare")
    return "\n".join(lines)


def _of_precision(found: Drift) -> list[str]:
    from edge_run.cases.comparison import MIN_CASES

    lines = [f"\n{found.precision}: {found.cases} cases"]
    if found.repeats:
        lines.append(f"  left out: {found.repeats} repeats of the same scan")
    if found.early:
        lines.append(f"  left out of score and confidence: {found.early} cases that some of the members answered")
        lines.append("  (not judged where these are many: the rest are the undecided ones)")
    lines.append(f"        {'':<18} {'then':>7} {'now':>7} {'PSI':>6} {'chance':>7} {'KS p':>8}   cases")
    lines += [_row(one) for one in found.comparisons]
    lines.append("        chance: where nothing has changed, one log in a hundred has a larger PSI\n")
    lines += [
        f"  {one.name} has {one.verdict}: {one.meaning}"
        for one in found.comparisons
        if one.verdict in ("shifted", "drifted")
    ]
    if found.verdict == "unknown":
        distinct = found.cases - found.repeats
        few = distinct < MIN_CASES
        why = (
            f"{distinct} cases are too few, {MIN_CASES} are needed"
            if few
            else "the bundle has too little to compare with"
        )
        lines.append(f"  no judgement: {why}")
    else:
        lines.append(f"  {CONCLUSION[found.verdict]}")
    if found.agreement.share is not None:
        agreed = found.agreement
        lines.append(
            f"  people agreed with {agreed.agreed} of {agreed.noted} answers that they noted a label for: "
            f"{agreed.share:.0%} ({agreed.low:.0%} to {agreed.high:.0%})"
        )
    return lines


def _row(one: Comparison) -> str:
    percent = one.kind != "measure"

    def number(value: float | None, width: int, digits: int, *, share: bool = False) -> str:
        return f"{'' if value is None else f'{value:.{digits}%}' if share else f'{value:.{digits}f}':>{width}}"

    then, now = (number(value, 7, 1 if percent else 2, share=percent) for value in (one.then, one.now))
    return (
        f"  {MARKS[one.verdict]} {one.name:<18} {then} {now} {number(one.psi, 6, 2)} {number(one.psi_99, 7, 2)} "
        f"{_p(one.ks_p):>8}   {one.cases}"
    )


def _p(value: float | None) -> str:
    return "" if value is None else "<0.0001" if value < 1e-4 else f"{value:.4f}"
