"""The pictures of an evaluation, as PNG: confusion matrix, ROC, reliability."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.metrics.calibration_error import BINS, reliability_bins
from edge_run.metrics.figures import measure
from edge_run.metrics.ranking import auroc

from .canvas import BLUE, GREEN, INK, LINES, MUTED, VERMILLION, canvas

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray


def confusion_matrix(
    path: Path,
    decided: ArrayLike,
    targets: ArrayLike,
    labels: Sequence[str],
    *,
    title: str = "Confusion matrix",
) -> None:
    """Draw which label each true label was given: share of its row, and number of scans.

    Parameters
    ----------
    path
        The PNG to write.
    decided, targets
        ``[N]`` integer class indices, as of :func:`edge_run.voting.vote.decide`.
    labels
        Name of each class.
    title
        Drawn above.
    """
    classes = len(labels)
    counts = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(counts, (np.asarray(targets), np.asarray(decided)), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.6 + 0.85 * classes
    with canvas(path, side, side) as figure:
        axes = figure.add_subplot()
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.ndindex(classes, classes):
            ink = "white" if shares[row, column] > 0.55 else INK
            at: dict[str, Any] = {
                "xy": (column, row),
                "textcoords": "offset points",
                "ha": "center",
                "color": ink,
            }
            axes.annotate(f"{shares[row, column]:.1%}", xytext=(0, -1), fontsize=12, weight="bold", **at)
            axes.annotate(f"{counts[row, column]:,}", xytext=(0, -14), fontsize=9, **at)
        rows = [f"{name}\n(n = {total:,})" for name, total in zip(labels, counts.sum(axis=1), strict=True)]
        turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if max(map(len, labels)) > 10 else {}
        axes.set_xticks(range(classes), list(labels), **turned)
        axes.set_yticks(range(classes), rows)
        axes.set(xlabel="Decided", ylabel="True", title=title)
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)


def roc(
    path: Path,
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    positive: int,
    thresholds: Mapping[str, float] | None = None,
    highlight: str = "ensemble",
    title: str = "ROC",
) -> None:
    """Draw sensitivity over 1 - specificity of the positive class against all others, one curve per name.

    Parameters
    ----------
    path
        The PNG to write.
    curves
        Name to probabilities ``[N, C]`` and targets ``[N]``. A name whose scans are of one class only stands
        in the legend and has no curve.
    positive
        Index of the positive class.
    thresholds
        Operating points to mark, by name: positive where the probability is at least this.
    highlight
        The name drawn boldest.
    title
        Drawn above.
    """
    with canvas(path, 5.4, 5.2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        styles = cycle(LINES)
        for name, (probabilities, targets) in curves.items():
            scores = np.asarray(probabilities, dtype=np.float64)[:, positive]
            truth = np.asarray(targets) == positive
            bold = name == highlight
            colour, line = (INK, "-") if bold else next(styles)
            area = float(auroc(scores, truth, np.ones((1, len(scores))))[0])
            shown = "one class only" if np.isnan(area) else f"{area:.3f}"
            false, true = (np.empty(0), np.empty(0)) if np.isnan(area) else _rates(scores, truth)
            style: dict[str, Any] = {"color": colour, "linestyle": line, "zorder": 4 if bold else 3}
            axes.plot(false, true, label=f"{shown}  {name}", linewidth=2.4 if bold else 1.5, **style)
            if thresholds and name in thresholds and not np.isnan(area):
                point = [np.mean(scores[members] >= thresholds[name]) for members in (~truth, truth)]
                axes.plot(*point, "o", color=colour, markersize=7, markeredgecolor="white", zorder=5)
        if thresholds:
            axes.plot([], [], "o", color=MUTED, markeredgecolor="white", markersize=7, label="operating point")
        axes.set(xlabel="1 - specificity", ylabel="Sensitivity", title=title, aspect="equal")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
        legend = axes.legend(loc="lower right", title="AUROC", alignment="left", handlelength=2.6)
        legend.get_title().set_fontweight("bold")


def reliability(
    path: Path,
    probabilities: ArrayLike,
    targets: ArrayLike,
    *,
    positive: int,
    threshold: float | None = None,
    title: str = "Reliability",
) -> None:
    """Draw accuracy over confidence in the bins of the ECE, and below it how many scans each bin holds.

    Parameters
    ----------
    path
        The PNG to write.
    probabilities, targets, positive, threshold
        As in :func:`edge_run.metrics.figures.measure`.
    title
        Drawn above, with the ECE and the number of scans.
    """
    figures = measure(probabilities, targets, positive=positive, threshold=threshold)
    bins = reliability_bins(probabilities, targets, positive=positive, threshold=threshold)
    centres, width = (bins.edges[1:] + bins.edges[:-1]) / 2, 0.9 / BINS
    right, claimed = np.nan_to_num(bins.accuracy), np.nan_to_num(bins.confidence)
    gap: dict[str, Any] = {"width": width, "bottom": np.minimum(right, claimed), "linewidth": 0}
    over, under = np.maximum(claimed - right, 0), np.maximum(right - claimed, 0)
    held = bins.counts > 0
    with canvas(path, 5.4, 6.4) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
        above.bar(centres, gap["bottom"], width, color="#9CC9E3")
        above.bar(centres, over, **gap, facecolor="#F7D9C6", hatch="////", label="Overconfident")
        above.bar(centres, under, **gap, facecolor="#C6E8DD", hatch="....", label="Underconfident")
        for bars, colour in zip(above.containers[1:], (VERMILLION, GREEN), strict=True):
            for bar in bars:
                bar.set_edgecolor(colour)
        edges = (centres[held] - width / 2, centres[held] + width / 2)
        above.hlines(right[held], *edges, color=BLUE, linewidth=3, label="Accuracy")
        above.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (2, 3)), label="Calibrated")
        above.set(ylabel="Accuracy", ylim=(0, 1.015), xlim=(0, 1))
        scans = int(bins.counts.sum())
        above.set_title(f"{title}: ECE {figures.ece:.3f}, MCE {figures.mce:.3f}, n = {scans:,}")
        below.bar(centres, bins.counts, width, color=MUTED)
        below.set(xlabel="Confidence in the decided label", ylabel="Scans")
        below.locator_params(axis="y", integer=True, nbins=4)
        figure.legend(loc="outside lower center", ncols=4, columnspacing=1.2)


def _rates(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return false and true positive rate at each distinct score, (0, 0) to (1, 1); a tie is a slope."""
    order = np.argsort(-scores, kind="stable")
    ranked, ordered = scores[order], truth[order]
    last_of_tie = np.concatenate([ranked[1:] != ranked[:-1], [True]])
    rates = [np.concatenate([[0], np.cumsum(part)[last_of_tie] / part.sum()]) for part in (~ordered, ordered)]
    return rates[0], rates[1]
