"""Draw a record: a dot at the p50, a line to the p99, ticks at p90 and p95."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .record import MEMBER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from .record import Record, Result, Summary

# From Okabe and Ito's palette ("Color Universal Design", 2008); the row's name says the same as its colour.
COLOURS = {MEMBER: "#0072B2", "ensemble": "#D55E00", "predict": "#009E73"}
INK, MUTED, GRID = "#222222", "#6B6B6B", "#E4E4E4"
STYLE: dict[str, Any] = {
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "savefig.bbox": "tight",
    "savefig.dpi": 200,
    # The same record gives the same file.
    "svg.hashsalt": "edge-run",
    "text.parse_math": False,
}


def draw(record: Record, stem: Path, matplotlib: ModuleType) -> tuple[Path, Path]:
    """Write ``<stem>.png`` and ``<stem>.svg``.

    Parameters
    ----------
    matplotlib
        The module, with its ``figure`` imported: it is an optional package, which the caller imports.
    """
    groups: dict[tuple[str, str], list[tuple[Result, Summary]]] = {}
    for result in record.results:
        if result.summary:
            place = (result.variant.backend, result.variant.precision)
            groups.setdefault(place, []).append((result, result.summary))
    heights = [len(group) for group in groups.values()]
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):
        figure = matplotlib.figure.Figure(
            figsize=(7.2, 1.1 + 0.3 * sum(heights) + 0.35 * len(heights)), layout="constrained"
        )
        panels = figure.subplots(len(groups), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (place, group) in zip(panels, groups.items(), strict=True):
            _panel(axes, " ".join(place), group)
        panels[-1].set_xlabel("Milliseconds a scan: p50 (dot and number), p90 and p95 (ticks), p99 (end of the line)")
        panels[-1].set_xlim(left=0)
        machine = record.machine.get("board") or record.machine.get("cpu", "")
        figure.suptitle(
            f"{record.bundle} on {machine}, {record.conditions.threads} threads", x=0.01, ha="left", fontweight="bold"
        )
        return _save(figure, stem, ".png", {"Software": None}), _save(figure, stem, ".svg", {"Date": None})


def _panel(axes: Any, title: str, group: Sequence[tuple[Result, Summary]]) -> None:  # noqa: ANN401 - matplotlib's
    axes.set_title(title, loc="left", fontsize=9.5, color=MUTED)
    for row, (result, summary) in enumerate(group):
        colour = COLOURS[result.variant.what]
        axes.plot([summary.p50_ms, summary.p99_ms], [row, row], color=colour, linewidth=1.6, zorder=3)
        axes.plot(
            [summary.p90_ms, summary.p95_ms, summary.p99_ms], [row] * 3, "|", color=colour, markersize=8, zorder=3
        )
        hollow = {"markerfacecolor": "white"} if summary.unsteady else {}
        axes.plot(summary.p50_ms, row, "o", color=colour, markersize=6, zorder=4, clip_on=False, **hollow)
        label = f"{summary.p50_ms:.3g}" + ("  unsteady" if summary.unsteady else "")
        axes.annotate(
            label, (summary.p99_ms, row), (8, 0), textcoords="offset points", va="center", fontsize=8.5, color=INK
        )
    axes.set_yticks(range(len(group)), [result.variant.name for result, _ in group])
    axes.set_ylim(len(group) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=GRID)
    axes.set_axisbelow(True)


def _save(figure: Any, stem: Path, suffix: str, metadata: dict[str, None]) -> Path:  # noqa: ANN401
    path = stem.with_name(stem.name + suffix)
    figure.savefig(path, metadata=metadata)
    return path
