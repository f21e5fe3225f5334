"""What is left to be wrong once the least sure answers are given to a person: the risk-coverage curve.

The curve is that of El-Yaniv and Wiener (2010, "On the Foundations of Noise-free Selective Classification"). An answer
is as sure as its largest probability, which is what the flag ``low-confidence`` goes by.
"""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge_run.metrics.ranking import selective_risk
from edge_run.voting.vote import decide

from .canvas import INK, LINES, canvas

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray


class WorkingPoint(NamedTuple):
    """Share of the scans that a bundle leaves unflagged, and the share of these that is wrong."""

    coverage: float
    risk: float


def risk_coverage(
    probabilities: ArrayLike, targets: ArrayLike, *, positive: int, threshold: float | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share kept, rising to 1, and the error among the kept: ``[K]`` each, one point per distinct confidence.

    Parameters are those of :func:`edge_run.metrics.figures.measure`.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    wrong = decide(p, positive=positive, threshold=threshold) != np.asarray(targets)
    kept, risk = selective_risk(p.max(axis=1), wrong, np.ones((1, len(p))))
    return np.cumsum(kept[0]) / len(p), risk[0]


def draw(
    path: Path,
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    positive: int,
    threshold: float | None,
    point: WorkingPoint | None = None,
    highlight: str = "ensemble",
    title: str = "Risk and coverage",
) -> None:
    """Draw the error among the kept over the share kept, one curve per name.

    Parameters
    ----------
    path
        The PNG to write.
    curves
        Name to probabilities ``[N, C]`` and targets ``[N]``.
    point
        Where the bundle's flags put it; marked.
    """
    with canvas(path, 5.6, 4.6) as figure:
        axes = figure.add_subplot()
        styles = cycle(LINES)
        for name, (probabilities, targets) in curves.items():
            coverage, risk = risk_coverage(probabilities, targets, positive=positive, threshold=threshold)
            area = float((np.diff(coverage, prepend=0) * risk).sum())
            bold = name == highlight
            colour, line = (INK, "-") if bold else next(styles)
            style: dict[str, Any] = {"color": colour, "linestyle": line, "zorder": 4 if bold else 3}
            axes.plot(coverage, risk, label=f"{area:.3f}  {name}", linewidth=2.4 if bold else 1.5, **style)
        if point is not None:
            label = f"unflagged: {point.coverage:.0%} kept, {point.risk:.1%} wrong"
            axes.plot(*point, "o", color=INK, markeredgecolor="white", markersize=8, zorder=5, label=label)
        axes.set(xlabel="Share kept; the least sure go to a person first", ylabel="Error among the kept", title=title)
        axes.set(xlim=(0, 1.01), ylim=(0, None))
        legend = axes.legend(loc="upper left", title="AURC", alignment="left", handlelength=2.6)
        legend.get_title().set_fontweight("bold")
