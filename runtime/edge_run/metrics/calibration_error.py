"""How far confidences can be believed: the bins of a reliability diagram, and ECE and MCE from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.voting.vote import decide

from .arrays import checked_probabilities, ratio

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


BINS = 15


class ReliabilityBins(NamedTuple):
    """What a reliability diagram shows.

    Attributes
    ----------
    edges
        ``[BINS + 1] float64``, 0 to 1.
    counts
        ``[BINS] float64``: scans in the bin.
    accuracy, confidence
        ``[BINS] float64``: means over the bin's scans, NaN where it has none.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]


def reliability_bins(
    probabilities: ArrayLike, targets: ArrayLike, *, positive: int, threshold: float | None = None
) -> ReliabilityBins:
    """Accuracy and mean confidence in each of the bins that ECE and MCE are made of.

    Parameters and what is raised are those of :func:`measure`.
    """
    p, labels = checked_probabilities(probabilities, targets, positive)
    decided = decide(p, positive=positive, threshold=threshold)
    sums = _bin_sums(p, labels, decided, np.ones((1, len(p))))
    counts, right, claimed = (each[0] for each in sums)
    edges = np.arange(BINS + 1) / BINS
    return ReliabilityBins(edges, counts, ratio(right, counts), ratio(claimed, counts))


def calibration_errors(
    p: NDArray[np.float64],
    labels: NDArray[np.int64],
    decided: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ECE and MCE, each ``[R]``."""
    counts, right, claimed = _bin_sums(p, labels, decided, weights)
    ece = ratio(np.abs(right - claimed).sum(axis=1), weights.sum(axis=1))
    gaps = np.nan_to_num(np.abs(ratio(right - claimed, counts)), nan=0.0)
    return ece, gaps.max(axis=1)


def _bin_sums(
    p: NDArray[np.float64],
    labels: NDArray[np.int64],
    decided: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weight, correct weight and summed confidence per bin, each ``[R, BINS]``."""
    confidence = np.take_along_axis(p, decided[:, np.newaxis], axis=1)[:, 0]
    # side="left" closes a bin on the right, as in Guo et al.; a confidence of 0 joins the first bin.
    bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence, side="left")
    member = np.eye(BINS)[bins]
    right = member * (decided == labels)[:, np.newaxis]
    return weights @ member, weights @ right, weights @ (member * confidence[:, np.newaxis])
