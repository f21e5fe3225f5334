"""Cases of the log as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .prediction_text import answer_lines, bundle_words

if TYPE_CHECKING:
    from edge_run.cli.output import Record, Style

HEADER = f"{'case':<12}  {'time (UTC)':<19}  {'label':<14} {'prob.':>7}  {'bundle':<16}  flags, notes"


def case_line(case: Record, style: Style) -> str:
    """Write a case on one line, under `HEADER`."""
    is_series = case.get("kind") == "series"
    label = _finding(case) if is_series else case["label"]
    line = (
        f"{case['id']:<12}  {_when(case['utc'])}  {style.bold(format(label, '<14'))} "
        f"{_probability(case):>7}  {case['bundle']:<16}"
    )
    rest = [f"series of {case['slices']}"] if is_series else []
    if case["flags"]:
        rest.append(style.caution("flags: " + ", ".join(flag["name"] for flag in case["flags"])))
    if case["notes"]:
        last = case["notes"][-1]
        rest.append("noted: " + (last["label"] or last["remark"]))
    return "  ".join([line, "   ".join(rest)]).rstrip()


def _probability(case: Record) -> str:
    """The vote's probability; after an early exit the bounds between which it lies, whole percents."""
    if case["interval"]:
        low, high = case["interval"]
        return f"{low:.0%}-{high:.0%}"
    return "" if case["probability"] is None else f"{case['probability']:.1%}"


def _finding(case: Record) -> str:
    """Write what was answered about a series; its probability is that of the finding."""
    return "failed" if case["failure"] else str(case["finding"])


def whole_case(case: Record, style: Style) -> str:
    """Write everything about a case that a person reads."""
    if case.get("kind") == "series":
        return _whole_series(case, style)
    lines = [f"case {style.bold(case['id'])}   {_when(case['utc'])} UTC", *answer_lines(case, style)]
    lines += _notes(case)
    lines.append("  " + "   ".join(f"{name} {value:.3g}" for name, value in case["measures"].items()))
    lines.append(
        f"  {sum(case['timing_ms'].values()):.0f} ms   {case['backend']}, {case['precision']}   "
        f"{bundle_words(case)}   edge-run {case['version']}"
    )
    kept = "kept" if case["kept_image"] else "not kept"
    lines.append(f"  image {case['scan_sha256'][:12]}, {kept}   entry {case['seq']}, hash {case['hash'][:12]}")
    return "\n".join(lines)


def _whole_series(case: Record, style: Style) -> str:
    """Write an answer of the DICOM node."""
    lines = [f"case {style.bold(case['id'])}   {_when(case['utc'])} UTC   a series, answered by the DICOM node"]
    probability = f"   {style.bold(_probability(case))}" if case["probability"] is not None else ""
    lines.append(f"  {case['positive']}: {style.bold(case['finding'])}{probability}")
    if case["failure"]:
        lines.append(style.caution(f"  no answer: {case['failure']}"))
    unreadable = f", {case['unreadable']} could not be read" if case["unreadable"] else ""
    lines.append(f"  {case['slices']} slices answered{unreadable}; version {case['answer_version']} of the answer")
    lines += [style.caution(f"  flag: {flag['reason']} ({flag['name']})") for flag in case["flags"]]
    lines += _notes(case)
    lines.append(
        f"  {case['backend']}, {case['precision']}   bundle {case['bundle']} {case['bundle_sha256'][:12]}   "
        f"edge-run {case['version']}"
    )
    lines.append(f"  entry {case['seq']}, hash {case['hash'][:12]}")
    return "\n".join(lines)


def _notes(case: Record) -> list[str]:
    said = (
        (note["utc"], "  ".join(part for part in (note["label"], note["remark"]) if part)) for note in case["notes"]
    )
    return [f"  noted {_when(utc)}: {noted}" for utc, noted in said]


def _when(utc: str) -> str:
    return utc[:19].replace("T", " ")
