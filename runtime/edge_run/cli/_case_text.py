"""Cases, chains and drift as lines for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import Record, bar

if TYPE_CHECKING:
    from edge_run.cases.chain import Chain
    from edge_run.cases.comparison import Comparison
    from edge_run.cases.drift import Drift, Report

MOST_FAULTS = 20
MARKS = {"stable": "ok  ", "shifted": "look", "drifted": "BAD ", "unknown": "?   "}
WORRY = {
    "stable": "nothing to worry about: the scans look like those of the validation",
    "shifted": "have a look: something has shifted, beyond what chance explains",
    "drifted": "worry: the scans are no longer those the bundle was validated on. Check the answers before they are used",
}


def line(case: Record) -> str:
    """Write a case on one line."""
    said = [f"{case['id']}  {_when(case['utc'])}  {case['label']:<14} {case['probability']:6.1%}"]
    if case["flags"]:
        said.append("flags: " + ", ".join(flag["name"] for flag in case["flags"]))
    if case["notes"]:
        last = case["notes"][-1]
        said.append("noted: " + (last["label"] or last["remark"]))
    return "   ".join(said)


def whole(case: Record) -> str:
    """Write everything about a case that a person reads."""
    label = case["label"]
    lines = [f"case {case['id']}   {_when(case['utc'])} UTC", f"  {label}  {case['probability']:.1%}"]
    if case["interval"]:
        low, high = case["interval"]
        lines[-1] += f", between {low:.1%} and {high:.1%} whatever the others say"
    others = [f"{name} {p:.1%}" for name, p in case["probabilities"].items() if name != label]
    lines[-1] += f"   ({', '.join(others)})"
    for member in case["members"]:
        p = member["probabilities"][label]
        lines.append(f"    {member['id']:<10} {bar(p)} {label} {p:6.1%}   weighs {member['weight']:.2f}")
    lines += [f"  flag: {flag['reason']} ({flag['name']})" for flag in case["flags"]]
    for note in case["notes"]:
        said = "  ".join(part for part in (note["label"], note["remark"]) if part)
        lines.append(f"  noted {_when(note['utc'])}: {said}")
    measures = "   ".join(f"{name} {value:.3g}" for name, value in case["measures"].items())
    lines.append(f"  {measures}")
    lines.append(
        f"  {sum(case['timing_ms'].values()):.0f} ms   {case['backend']}, {case['precision']}   "
        f"bundle {case['bundle']} {case['bundle_sha256'][:12]}   edge-run {case['version']}"
    )
    kept = "kept" if case["kept_image"] else "not kept"
    lines.append(f"  image {case['scan_sha256'][:12]}, {kept}   entry {case['seq']}, hash {case['hash'][:12]}")
    return "\n".join(lines)


def chain(found: Chain) -> str:
    """Write what `verify` found."""
    lines = [f"FAIL  {fault.message}" for fault in found.faults[:MOST_FAULTS]]
    if len(found.faults) > MOST_FAULTS:
        lines.append(f"      and {len(found.faults) - MOST_FAULTS} more")
    kinds = ", ".join(f"{count} {kind}{'s' * (count != 1)}" for kind, count in sorted(found.counts.items()))
    purged = f", {found.purged} entries purged" if found.purged else ""
    state = "broken" if found.faults else "ok  "
    lines.append(f"{state}  {kinds or 'the case log is empty'}{purged}")
    if not found.faults:
        lines.append(f"head  {found.head_hash}")
        lines.append("      noted elsewhere and given as --head, it also shows a log that was rewritten or cut short")
    return "\n".join(lines)


def drifted(report: Report) -> str:
    """Write what drift was found, and whether to worry."""
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
    lines.append(f"       {'':<18} {'then':>7} {'now':>7} {'PSI':>6} {'chance':>7} {'KS p':>8}   cases")
    lines += [_row(one) for one in found.comparisons]
    lines.append("       chance: where nothing has changed, one log in a hundred has a larger PSI\n")
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
        lines.append(f"  {WORRY[found.verdict]}")
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


def _when(utc: str) -> str:
    return utc[:19].replace("T", " ")
