"""An answer as lines for a person: of ``predict`` and ``watch``, and of a case in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.cli.output import Record, bar

from .failures import failure_text

if TYPE_CHECKING:
    from edge_run.cli.output import Style


def prediction_text(record: Record, style: Style) -> str:
    """Write the record of one input, whatever became of it."""
    if "error" in record:
        return failure_text(record, style)
    if "series" in record:
        return _series_text(record, style)
    lines = [record["path"], *answer_lines(record, style)]
    if record["skipped_backends"]:
        skipped = "; ".join(f"{one['backend']}: {one['reason']}" for one in record["skipped_backends"])
        lines += style.wrapped(f"  skipped backends: {skipped}")
    if record.get("heatmap"):
        lines.append(f"  heatmap: {record['heatmap']}")
    lines.append(style.dim("  " + _source(record, "case " + record["case"] if record["case"] else "not logged")))
    return "\n".join([*lines, ""])


def answer_lines(record: Record, style: Style) -> list[str]:
    """Write label, members and flags; ``record`` is one of ``predict`` or of the case log."""
    label, members = record["label"], record["members"]
    lines = [f"  {style.verdict(label)}  {_probability(record, style)}"]
    width = max([10, *(len(member["id"]) for member in members)])
    longest = max(len(name) for name in record["probabilities"])
    for member in members:
        own, p = own_answer(member)
        line = f"    {member['id']:<{width}} {bar(p)} {own:<{longest}} {p:6.1%}   weight {member['weight']:.2f}"
        lines.append(line if own == label else style.caution(f"{line}   disagrees"))
    if record.get("left_out"):
        lines.append(f"    not needed: {', '.join(record['left_out'])}")
    for flag in record["flags"]:
        first, *rest = style.wrapped(f"  flag: {flag['reason']} ({flag['name']})")
        lines += [style.caution(first), *(style.caution(line) for line in rest)]
    return lines


def own_answer(member: Record) -> tuple[str, float]:
    """Return the label that a member gives by itself, and its probability.

    Cases that edge-run 0.1 logged do not name it: there it is the most probable one.
    """
    probabilities: dict[str, float] = member["probabilities"]
    label = member.get("label") or max(probabilities, key=probabilities.__getitem__)
    return label, probabilities[label]


def _probability(record: Record, style: Style) -> str:
    """The vote's probability; where not all members answered, the interval in which it lies."""
    if record["interval"]:
        low, high = record["interval"]
        count, left_out = len(record["members"]), record.get("left_out", ())
        of = f"{count} of {count + len(left_out)} members" if left_out else f"{count} member{'s' * (count != 1)}"
        return f"{style.bold(f'between {low:.1%} and {high:.1%}')}   (settled by {of})"
    others = [f"{name} {p:.1%}" for name, p in record["probabilities"].items() if name != record["label"]]
    return f"{style.bold(format(record['probability'], '.1%'))}   ({', '.join(others)})"


def _source(record: Record, case: str) -> str:
    return (
        f"{record['timing_ms']['total']:.0f} ms   {record['backend']}, {record['precision']}   "
        f"{bundle_words(record)}   {case}"
    )


def bundle_words(record: Record) -> str:
    """Name the bundle that answered, and the one it was recalibrated from."""
    parent = record.get("bundle_parent_sha256")
    recalibrated = f", recalibrated from {parent[:12]}" if parent else ""
    return f"bundle {record['bundle']} {record['bundle_sha256'][:12]}{recalibrated}"


def _series_text(record: Record, style: Style) -> str:
    series = record["series"]
    lines = [
        record["path"],
        (
            f"  {style.verdict(series['label'])}  {style.bold(format(series['probability'], '.1%'))}   "
            f"of {series['slices']} slices, {series['share_positive']:.0%} of them positive"
        ),
        *style.wrapped(f"    decided by {', '.join(series['deciding'])}", "      "),
    ]
    lines += [f"    {count} slices with the flag {name}" for name, count in series["flagged"].items()]
    lines += [style.caution(f"  flag: {flag['reason']} ({flag['name']})") for flag in series["flags"]]
    return "\n".join([*lines, "  This answer is not calibrated, and not validated on series.", ""])
