"""Exact confidence bounds of a share, by Clopper and Pearson (1934).

The upper bound of ``hits`` among ``trials`` is a quantile of the beta distribution with parameters ``hits + 1`` and
``trials - hits``. Its distribution function is evaluated by Lentz's continued fraction (Press, Teukolsky, Vetterling
and Flannery 2007, "Numerical Recipes", section 6.4), because NumPy has none.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
_TERMS, _PRECISION, _TINY = 1000, 1e-15, 1e-300
_HALVINGS = 60
"""A share is then known to 1e-18."""

_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


def upper_bound(hits: int, trials: int, *, level: float = LEVEL) -> float:
    """One-sided upper confidence bound of a share; 1 where there are no trials."""
    return float(upper_bounds([hits], [trials], level=level)[0])


def upper_bounds(hits: ArrayLike, trials: ArrayLike, *, level: float = LEVEL) -> NDArray[np.float64]:
    """`upper_bound` of many shares at once, ``[K]``."""
    pairs = np.stack([np.asarray(hits, np.int64), np.asarray(trials, np.int64)])
    # Neighbouring levels of a flag often leave the same counts, and one bound costs as much as a thousand look-ups.
    (seen, of), back = np.unique(pairs, axis=1, return_inverse=True)
    open_ = seen < of
    bounds = np.ones(len(seen))
    bounds[open_] = _beta_quantile(level, seen[open_] + 1.0, (of - seen)[open_].astype(np.float64))
    return bounds[back.reshape(-1)]


def interval(hits: int, trials: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Two-sided confidence interval of a share."""
    each = (1 + level) / 2
    return 1 - upper_bound(trials - hits, trials, level=each), upper_bound(hits, trials, level=each)


def _beta_quantile(level: float, a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the distribution function of a beta distribution reaches ``level``, by halving."""
    low, high = np.zeros_like(a), np.ones_like(a)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = _beta_distribution(middle, a, b) < level
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _beta_distribution(x: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Regularised incomplete beta function, for x between 0 and 1."""
    # The fraction converges fast below the mean; above it, that of the mirrored distribution does.
    mirrored = x > (a + 1) / (a + b + 2)
    near, first, second = np.where(mirrored, 1 - x, x), np.where(mirrored, b, a), np.where(mirrored, a, b)
    logs = _log_gamma(a + b) - _log_gamma(a) - _log_gamma(b) + first * np.log(near) + second * np.log1p(-near)
    part = np.exp(logs) * _fraction(near, first, second) / first
    return np.asarray(np.where(mirrored, 1 - part, part), dtype=np.float64)


def _fraction(x: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate the continued fraction of the incomplete beta function by Lentz's method."""
    above = np.ones_like(x)
    below = 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = below.copy()
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            below = 1 / _not_zero(1 + term * below)
            above = _not_zero(1 + term / above)
            value *= below * above
        if (np.abs(below * above - 1) < _PRECISION).all():
            break
    return np.asarray(value, dtype=np.float64)


def _not_zero(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(np.abs(values) < _TINY, _TINY, values), dtype=np.float64)
