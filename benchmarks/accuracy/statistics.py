"""What a few seeds can tell: a mean with its interval, and an exact paired test."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LEVEL = 0.95
MOST_PAIRS = 40


class Spread(NamedTuple):
    """Mean over seeds and half the width of its interval (NaN for one seed)."""

    mean: float
    half: float
    n: int


class Paired(NamedTuple):
    """A difference over pairs.

    Attributes
    ----------
    difference
        Its mean and interval.
    p
        Two-sided, see :func:`sign_flip`.
    smallest_p
        What the test says at best of so few pairs, ``2 / 2**n``.
    """

    difference: Spread
    p: float
    smallest_p: float

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end; NaN for one pair."""
        return self.difference.mean - self.difference.half, self.difference.mean + self.difference.half


def spread(values: Sequence[float]) -> Spread:
    """Mean and Student's t interval, ``t(0.975, n - 1) * s / sqrt(n)``, of at least one value."""
    n = len(values)
    if n < 2:
        return Spread(float(np.mean(values)), float("nan"), n)
    reach = float(student.ppf((1 + LEVEL) / 2, n - 1))
    return Spread(float(np.mean(values)), reach * float(np.std(values, ddof=1)) / n**0.5, n)


def paired(differences: Sequence[float]) -> Paired:
    """Interval and test of the mean of at least one difference."""
    return Paired(spread(differences), sign_flip(differences), min(1.0, 2.0 ** (1 - len(differences))))


def sign_flip(differences: Sequence[float]) -> float:
    """Exact two-sided paired permutation test (Fisher 1935, "The Design of Experiments", section 21).

    If a pair's two sides are exchangeable, each difference is as likely with either sign: p is the share of all
    ``2**n`` patterns of signs whose sum is at least as far from 0 as the one found.

    Raises
    ------
    ValueError
        There are more than 40 differences.
    """
    if len(differences) > MOST_PAIRS:
        raise ValueError(f"{len(differences)} pairs are too many to count every pattern of signs")
    values = np.asarray(differences, np.float64)
    # Every pattern is one of the first half's and one of the second's: 2 * 2**(n/2) sums instead of 2**n.
    half = len(values) // 2
    left, right = _signed_sums(values[:half]), np.sort(_signed_sums(values[half:]))
    # Rounding must not make a pattern smaller than its own mirror image.
    reach = abs(values.sum()) - 1e-9
    above = len(right) - np.searchsorted(right, reach - left, side="left")
    below = np.searchsorted(right, -reach - left, side="right")
    # A sum of 0 is reached from both sides: every pattern counts, and counts once.
    return float(min(1.0, (above.sum() + below.sum()) / 2.0 ** len(values)))


def _signed_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums under every pattern of signs, ``[2**n]``."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums + value, sums - value])
    return sums
