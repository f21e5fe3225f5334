"""Bars of the peers' latencies, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.interleave import medians, spread
from benchmarks.latency.targets import OURS
from edge_run.doctor import examine

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.latency.report import Found

# Okabe and Ito's palette: told apart by the colour-blind too. What a colour says, the label says as well.
PALETTE = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
MUTED = "#6B6B6B"
STYLE: Any = {
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "edge-run",
}


def draw(found: Found, stem: Path) -> None:
    """Write ``<stem>.png`` and ``<stem>.svg``: a bar to the median, a line from quartile to quartile."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = sorted(found.forms, key=lambda name: spread(medians(found.taken[name])).median)
    machine = examine()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.6, 1.0 + 0.34 * len(names)), layout="constrained")
        axes = figure.subplots()
        for row, name in enumerate(names):
            ms = spread(medians(found.taken[name]))
            colour = MUTED if name.startswith("limit") else PALETTE[0] if name.startswith("edge-run") else PALETTE[1]
            axes.barh(row, ms.median, 0.62, color=colour, alpha=0.85)
            axes.plot([ms.q25, ms.q75], [row, row], color="#222222", linewidth=1.4)
            axes.annotate(
                f"{ms.median:.0f}", (max(ms.q75, ms.median), row), (5, 0), textcoords="offset points", va="center"
            )
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        if OURS in names:
            axes.axvline(spread(medians(found.taken[OURS])).median, color=PALETTE[0], linewidth=0.8, linestyle=":")
        axes.set_xlabel("ms for one scan through all networks: median of blocks (line: quartiles)")
        axes.set_title(f"{machine.cpu}, {machine.cores} cores", loc="left", fontsize=9.5, color=MUTED)
        save(figure, stem)


def save(figure: Any, stem: Path) -> None:  # noqa: ANN401 - matplotlib's
    """Write both files; the same figures give the same bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(stem.with_name(f"{stem.name}.png"), dpi=160, metadata={"Software": None})
    figure.savefig(stem.with_name(f"{stem.name}.svg"), metadata={"Date": None})
