"""The canvas of every picture: a PNG in one style, drawn on a figure of its own.

Nothing goes through pyplot: no display is looked for, no global state is left behind. The palette is that of Okabe and
Ito (2008, "Color Universal Design"), and what a colour says, a line style or a text says too.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from matplotlib.figure import Figure

BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY = "#E69F00", "#56B4E9"
INK, MUTED, GRID = "#222222", "#6B6B6B", "#E4E4E4"
_DASHES: tuple[Any, ...] = ("-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))
LINES = tuple(zip((BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY), _DASHES, strict=True))
"""Colour and line style of each member."""

_STYLE: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": GRID,
    "legend.edgecolor": "white",
    "legend.fontsize": 9,
    "legend.framealpha": 0.9,
    # Twice the 100 dots per inch at which a figure has the width it is shown with.
    "savefig.dpi": 200,
    "savefig.bbox": "tight",
    "text.color": INK,
    # A label is a folder's name: a dollar sign in it is a dollar sign.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
}


@contextmanager
def canvas(path: Path, width: float, height: float) -> Iterator[Figure]:
    """Yield a figure of that many inches in the common style; write it to ``path`` if the block ends well."""
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BackendError(
            "Plots need matplotlib, which is not installed.", hint="pip install 'edge-run[train]'"
        ) from error

    # "default" first: the user's own matplotlibrc must not change what a run looks like.
    with style.context(["default", _STYLE]):
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without the version of matplotlib in the file, the same numbers give the same bytes.
        figure.savefig(path, format="png", metadata={"Software": None})
