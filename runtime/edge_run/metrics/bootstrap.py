"""Intervals for the figures of a classifier, by drawing whole patients with replacement.

Scans of one patient resemble each other: drawn one by one they would count as independent evidence, and the
intervals would be too narrow. So the patient is drawn and all of its scans move together (cluster bootstrap;
Davison and Hinkley 1997, "Bootstrap Methods and their Application", section 3.8), and the interval is read
off the percentiles of the figure (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13).

ECE and MCE are made of absolute values, so the noise of resampling pushes them up rather than down: on a
well-calibrated classifier and few scans, their interval leans above the value and may not contain it. And
intervals from fewer than some twenty patients are too narrow, whatever the figure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.errors import UsageError

from .figures import measure, measure_weighted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

# Weights held at a time: 2**22 float64 are 32 MiB, so that memory does not grow with resamples times scans.
_BLOCK = 2**22


class Interval(msgspec.Struct, frozen=True):
    """A figure and the interval that the bootstrap gives it.

    Attributes
    ----------
    value
        The figure on the scans as they are.
    low, high
        Percentiles of the figure over the resamples; NaN where no resample could give it.
    left_out
        Resamples that could not give the figure (they drew no scan of some class) and were left out.
    """

    value: float
    low: float
    high: float
    left_out: int = 0


def with_intervals(
    probabilities: ArrayLike,
    targets: ArrayLike,
    groups: Sequence[str],
    *,
    positive: int,
    threshold: float | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Every figure of :class:`edge_run.metrics.figures.Metrics` with its interval.

    Parameters
    ----------
    probabilities, targets, positive, threshold
        As in :func:`edge_run.metrics.figures.measure`.
    groups
        ``[N]``: the patient of each scan, or the scan's own name where patients are not known. The order of
        the scans does not matter to the result.
    resamples
        How many times the patients are drawn.
    seed
        The same seed on the same data gives the same intervals.
    level
        Coverage aimed at, between 0 and 1.

    Raises
    ------
    UsageError
        ``resamples`` or ``level`` is out of range.
    DataError, ValueError
        As in :func:`edge_run.metrics.figures.measure`; also where ``groups`` does not name one patient per scan.
    """
    if resamples < 1:
        raise UsageError(f"{resamples} resamples give no interval.", hint="Ask for 1 or more; 1000 is usual.")
    if not 0 < level < 1:
        raise UsageError(f"Level {level} is not a coverage.", hint="Choose one between 0 and 1, such as 0.95.")
    values = measure(probabilities, targets, positive=positive, threshold=threshold)
    scans = len(np.asarray(targets))
    if len(groups) != scans:
        raise ValueError(f"{len(groups)} groups for {scans} scans, expected one each")
    blocks = [
        measure_weighted(probabilities, targets, weights, positive=positive, threshold=threshold)
        for weights in _draw(groups, resamples, np.random.default_rng(seed))
    ]
    return {
        name: _interval(getattr(values, name), np.concatenate([block[name] for block in blocks]), level)
        for name in values.__struct_fields__
    }


def _draw(groups: Sequence[str], resamples: int, rng: np.random.Generator) -> Iterator[NDArray[np.float64]]:
    """How often each scan is drawn, in blocks of ``[R, N]``."""
    names, group = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    even = np.full(len(names), 1 / len(names))
    rows = max(1, _BLOCK // len(groups))
    for start in range(0, resamples, rows):
        drawn = rng.multinomial(len(names), even, size=min(rows, resamples - start))
        yield drawn[:, group].astype(np.float64)


def _interval(value: float, figures: NDArray[np.float64], level: float) -> Interval:
    defined = figures[~np.isnan(figures)]
    left_out = len(figures) - len(defined)
    if not len(defined):
        return Interval(value, float("nan"), float("nan"), left_out)
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high), left_out)
