"""The state of a node and the steps of a check, for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_run.cli.output import Record, Style

_WIDTH = 13


def status_text(record: Record) -> str:
    """Return lines on what was received, what waits and what is stuck."""
    series = record["series"]
    waiting = series.get("receiving", 0)
    lines = [
        f"inbox        {_count(record['instances'], 'image')} of {_count(sum(series.values()), 'series', 'series')}",
        f"waiting      {_count(waiting, 'series', 'series')}{_since(record['oldest_waiting_seconds'])}",
        f"answered     {', '.join(f'{n} {name}' for name, n in record['answers'].items()) or 'none yet'}",
    ]
    if stuck := series.get("unanswerable"):
        lines.append(
            f"STUCK        {_count(stuck, 'series', 'series')} without sound identifiers: no report is possible"
        )
    for name, one in record["destinations"].items():
        counts = ", ".join(f"{one[state]} {state}" for state in ("delivered", "queued", "sent", "stuck") if one[state])
        lines.append(f"to {name:<10}{counts or 'nothing yet'}{_since(one['oldest_seconds'])}")
        lines += [
            f"{'':<{_WIDTH}}{_count(trouble['objects'], 'object')}: {trouble['status']} ({trouble['attempts']} attempts)"
            for trouble in one["troubles"]
        ]
    return "\n".join(lines)


def step_text(record: Record, style: Style) -> str:
    """Return the lines of one step of a check."""
    words = {"ok": "ok", "failed": style.error("FAILED"), "note": style.caution("note"), "skipped": "skipped"}
    state = words[record["state"]]
    pad = " " * (8 - len(record["state"]))
    lines = [f"{state}{pad}{record['what']:<{_WIDTH}} {record['found']}"]
    for side, name in (("here", "this side"), ("there", "their side")):
        if record[side]:
            lines.append(f"{'':<{9 + _WIDTH}}{name}: {record[side]}")
    return "\n".join(lines)


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"


def _since(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f", the oldest for {seconds / size:.0f} {unit}"
    return f", the oldest for {seconds:.0f} s"
