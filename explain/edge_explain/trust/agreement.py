"""Measure whether two maps rank the places alike."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def rank_correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Compute Spearman's rank correlation of two maps ``[h, w] float32``, -1 to 1; 0 where one of them is constant."""
    x, y = (_ranks(values) - (values.size - 1) / 2 for values in (a, b))
    norms = float(np.linalg.norm(x) * np.linalg.norm(y))
    return float((x * y).sum()) / norms if norms else 0.0


def agreement(maps: Mapping[str, NDArray[np.float32]]) -> dict[str, float]:
    """Compute the rank correlation of each pair of members' maps, by ``a, b``."""
    return {f"{a}, {b}": rank_correlation(maps[a], maps[b]) for a, b in combinations(maps, 2)}


def _ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rank values from 0; equal values have the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = counts.cumsum() - 1
    return np.asarray((last - (counts - 1) / 2)[place.reshape(-1)], dtype=np.float64)
