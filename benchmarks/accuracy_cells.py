"""How a figure, a difference and a table are written in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accuracy_statistics import Paired, spread

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = "-"


def mean(values: Sequence[float | None]) -> str:
    """``0.912 ± 0.010``, without an interval for one value."""
    there = [value for value in values if value is not None]
    if not there:
        return NONE
    found = spread(there)
    return f"{found.mean:.3f} ± {found.half:.3f}" if found.n > 1 else f"{found.mean:.3f}"


def difference(found: Paired | None) -> str:
    """``+0.012 [-0.004, +0.028], p 0.25``, the difference alone for one pair."""
    if found is None:
        return NONE
    low, high = found.interval
    reach = f" [{low:+.3f}, {high:+.3f}], p {found.p:.2g}" if found.difference.n > 1 else ""
    return f"{found.difference.mean:+.3f}{reach}"


def table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *lines])
