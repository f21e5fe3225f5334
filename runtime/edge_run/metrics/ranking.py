"""Figures that depend on the order of the scores alone: AUROC, and the error among the most confident."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arrays import ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def auroc(
    scores: NDArray[np.float64], positives: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted Mann-Whitney statistic: how often a positive outranks a negative, a tie counting one half.

    Parameters
    ----------
    scores
        ``[N] float64``, higher means more likely positive.
    positives
        ``[N] bool``.
    weights
        ``[R, N] float64``.

    Returns
    -------
    ``[R] float64``; NaN where one of the two classes has no weight.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    # One column per distinct score: within it positives and negatives are tied.
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    positive = np.add.reduceat(weights[:, order] * positives[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~positives[order], starts, axis=1)
    outranked = np.cumsum(negative, axis=1) - negative / 2
    return ratio((positive * outranked).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def selective_risk(
    confidence: NDArray[np.float64], wrong: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error among the most confident, for each distinct confidence from the highest on.

    Parameters
    ----------
    confidence, wrong
        ``[N]`` each.
    weights
        ``[R, N] float64``.

    Returns
    -------
    Weight of the scans of that confidence, and the error down to it, ``[R, K]`` each; NaN before the first weight.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    kept = np.add.reduceat(weights[:, order], starts, axis=1)
    missed = np.add.reduceat(weights[:, order] * wrong[order], starts, axis=1)
    return kept, ratio(np.cumsum(missed, axis=1), np.cumsum(kept, axis=1))
