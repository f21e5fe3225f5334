"""What ``edge-run predict`` writes of one input."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .output import Record, bar

if TYPE_CHECKING:
    from edge_run.errors import EdgeRunError

COLUMNS = (
    "path", "series", "case", "label", "probability", "probabilities", "interval", "flags", "members", "measures", "bundle",
    "precision", "backend", "skipped_backends", "timing_ms.total", "error.kind", "error.message",
)  # fmt: skip


def failure(name: str, error: EdgeRunError) -> Record:
    """Return the record of an input that could not be answered."""
    return {"path": name, "error": error.to_dict()}


def to_text(record: Record) -> str:
    """Say a record to a person."""
    if "error" in record:
        error = record["error"]
        return f"{record['path']}\n  error: {error['message']}" + (f" {error['hint']}" if error["hint"] else "") + "\n"
    if "series" in record:
        return _series_text(record)
    label = record["label"]
    lines = [record["path"], f"  {label}  {record['probability']:.1%}"]
    if record["interval"]:
        low, high = record["interval"]
        lines[-1] += f", between {low:.1%} and {high:.1%} whatever the others say"
    others = [f"{name} {p:.1%}" for name, p in record["probabilities"].items() if name != label]
    lines[-1] += f"   ({', '.join(others)})"
    for member in record["members"]:
        p = member["probabilities"][label]
        lines.append(f"    {member['id']:<10} {bar(p)} {label} {p:6.1%}   weighs {member['weight']:.2f}")
    if record["left_out"]:
        lines.append(f"    did not need to answer: {', '.join(record['left_out'])}")
    lines += [f"  flag: {flag['reason']} ({flag['name']})" for flag in record["flags"]]
    if record["skipped_backends"]:
        lines.append(
            "  passed over " + "; ".join(f"{one['backend']}: {one['reason']}" for one in record["skipped_backends"])
        )
    lines.append(
        f"  {record['timing_ms']['total']:.0f} ms   {record['backend']}, {record['precision']}   "
        f"bundle {record['bundle']} {record['bundle_sha256'][:12]}   "
        f"{'case ' + record['case'] if record['case'] else 'not logged'}\n"
    )
    return "\n".join(lines)


def _series_text(record: Record) -> str:
    found = record["series"]
    share, deciding = found["share_positive"], found["deciding"]
    lines = [
        record["path"],
        f"  {found['label']}  {found['probability']:.1%}   of {found['slices']} slices, {share:.0%} of them positive",
        f"    decided by {', '.join(deciding)}",
    ]
    lines += [f"    {count} slices flagged {name}" for name, count in found["flagged"].items()]
    lines += [f"  flag: {flag['reason']} ({flag['name']})" for flag in found["flags"]]
    return "\n".join([*lines, "  not calibrated, and not validated on series\n"])
