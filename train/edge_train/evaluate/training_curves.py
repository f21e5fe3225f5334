"""How training went, as PNG."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from .canvas import BLUE, GREEN, MUTED, ORANGE, VERMILLION, canvas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_HISTORY_LINES = ((MUTED, "--"), (BLUE, "-"), (VERMILLION, "-."), (GREEN, ":"))


def training_curves(
    path: Path,
    histories: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    panels: Mapping[str, Mapping[str, str]],
    averaged: Mapping[str, int] | None = None,
) -> None:
    """Draw how training went: one column per member, one row per quantity.

    Parameters
    ----------
    path
        The PNG to write.
    histories
        Member to its history: column name to one value per row. ``epoch`` gives the x axis where it is there,
        else rows are counted from 0. NaN, as of an epoch without validation, is left out.
    panels
        Quantity to its lines, each a name for the legend and the history's column, as
        ``{"Loss": {"training": "train_loss", "validation": "val_loss"}}``. A name has one style in all rows.
        A column that a history lacks is left out.
    averaged
        Number of last epochs whose weights were averaged, by member. They are shaded; the column ``epoch`` is needed.
    """
    with canvas(path, max(4.8, 1.2 + 2.1 * len(histories)), 0.8 + 2.0 * len(panels)) as figure:
        grid = figure.subplots(len(panels), len(histories), sharex="col", sharey="row", squeeze=False)
        names = dict.fromkeys(name for lines in panels.values() for name in lines)
        styles = dict(zip(names, cycle(_HISTORY_LINES), strict=False))
        entries: dict[str, Artist] = {}
        kept: Artist | None = None
        for row, (quantity, lines) in zip(grid, panels.items(), strict=True):
            row[0].set_ylabel(quantity)
            for axes, (member, history) in zip(row, histories.items(), strict=True):
                for name, column in lines.items():
                    if column in history:
                        entries[name] = _draw_history(axes, history, column, styles[name])
                if averaged and member in averaged:
                    last = max(history["epoch"])
                    kept = axes.axvspan(last - averaged[member] + 0.5, last + 0.5, color=ORANGE, alpha=0.2)
                axes.locator_params(axis="x", integer=True, nbins=5, min_n_ticks=1)
        for above, below, member in zip(grid[0], grid[-1], histories, strict=True):
            above.set_title(member)
            below.set_xlabel("Epoch")
        if kept is not None:
            entries["averaged"] = kept
        figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=5)


def _draw_history(axes: Axes, history: Mapping[str, Sequence[float]], column: str, style: tuple[str, Any]) -> Line2D:
    values = np.asarray(history[column], dtype=np.float64)
    epochs = np.asarray(history.get("epoch", range(len(values))), dtype=np.float64)
    known = ~np.isnan(values)
    # A single value makes no line, so it needs a marker to be seen.
    marker = "o" if known.sum() == 1 else ""
    colour, line = style
    return axes.plot(epochs[known], values[known], color=colour, linestyle=line, marker=marker, linewidth=1.6)[0]
