"""Statistics of how far two histograms are apart, and how far by chance alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Z_99 = 2.3263478740408408
"""The 99 % quantile of the normal distribution."""


def psi(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Compute the population stability index of two sets of counts ``[bins]``.

    The source is Siddiqi 2006, Credit Risk Scorecards, chapter 8. The index is the sum over bins of
    ``(p - q) ln(p / q)`` of the shares: the Kullback-Leibler divergences of both directions, nats. Half a count is
    added to each bin, so that an empty one does not make it infinite.
    """
    p, q = _shares(ours), _shares(theirs)
    return float(((p - q) * np.log(p / q)).sum())


def psi_by_chance(bins: int, n: int, m: int) -> tuple[float, float]:
    """Compute the mean and the 99 % quantile of the index of two samples of ``n`` and ``m`` from one distribution.

    It is then about ``(1/n + 1/m)`` times a chi-squared variable of ``bins - 1`` degrees of freedom (Yurdakul and
    Naranjo 2020, Statistical properties of the population stability index); its quantile is Wilson and Hilferty's
    (1931), within 1 % but for one degree of freedom, 2 %.
    """
    freedom, scale = bins - 1, 1 / n + 1 / m
    if freedom < 1:
        return 0.0, 0.0
    part = 2 / (9 * freedom)
    return freedom * scale, freedom * (1 - part + Z_99 * math.sqrt(part)) ** 3 * scale


def kolmogorov_smirnov(ours: ArrayLike, theirs: ArrayLike) -> tuple[float, float]:
    """Run the two-sample Kolmogorov-Smirnov test on counts ``[bins]``; return its distance and p.

    p is asymptotic, with Stephens's (1970) correction for samples that are not large: with ``N = nm / (n + m)``,
    ``Q((sqrt(N) + 0.12 + 0.11 / sqrt(N)) D)``, ``Q(x) = 2 sum_j (-1)^(j-1) exp(-2 j^2 x^2)``. Differences
    within a bin are not seen, so p is too large rather than too small.
    """
    p, q = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    n, m = p.sum(), q.sum()
    distance = float(np.abs(p.cumsum() / n - q.cumsum() / m).max())
    root = math.sqrt(n * m / (n + m))
    return distance, _kolmogorov((root + 0.12 + 0.11 / root) * distance)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """Compute the 95 % interval of a share (Wilson 1927)."""
    z = 1.959963984540054
    share, z2 = hits / of, z * z / of
    middle, half = share + z2 / 2, z * math.sqrt(share * (1 - share) / of + z2 / (4 * of))
    return max(0.0, (middle - half) / (1 + z2)), min(1.0, (middle + half) / (1 + z2))


def merged(counts: ArrayLike, least: int) -> NDArray[np.int64]:
    """Merge neighbouring bins until each holds ``least`` counts; return their first bins. The last takes the rest."""
    starts, held = [0], 0
    for place, count in enumerate(np.asarray(counts, np.int64)):
        if held >= least:
            starts.append(place)
            held = 0
        held += int(count)
    if held < least and len(starts) > 1:
        starts.pop()
    return np.array(starts, np.int64)


def _shares(counts: ArrayLike) -> NDArray[np.float64]:
    filled = np.asarray(counts, np.float64) + 0.5
    return np.asarray(filled / filled.sum(), dtype=np.float64)


def _kolmogorov(x: float) -> float:
    # Below, the series converges slowly, and p is 1 to six digits.
    if x < 0.3:
        return 1.0
    terms = (math.copysign(math.exp(-2 * j * j * x * x), j % 2 - 0.5) for j in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))
