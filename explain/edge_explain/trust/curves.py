"""Insertion and deletion curves (Petsiuk et al. 2018), on the model that answered.

A map that shows what the answer rests on brings the probability up soon when its places are put into a blurred scan,
first those that it marks most; and brings it down soon when they are blurred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_explain.explanation import Curve
from edge_explain.methods.compiled import blurred, composed

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_explain.methods.compiled import Answer

GRID = 14
"""Patches on a side: two for each place of a 7 x 7 map, as fine as interpolation makes it."""


class Baseline(NamedTuple):
    """Areas under the curves of random rankings, ``[rankings]``."""

    areas: NDArray[np.float64]


def insertion(
    answer: Answer, pixels: NDArray[np.uint8], map_: NDArray[np.float32], baseline: Baseline, *, steps: int = 14
) -> Curve:
    """Put patches into the blurred scan, those first that the map marks most. See :func:`deletion`."""
    return _curve(_probabilities(answer, pixels, _ranking(map_), steps), baseline)


def deletion(
    answer: Answer, pixels: NDArray[np.uint8], map_: NDArray[np.float32], baseline: Baseline, *, steps: int = 14
) -> Curve:
    """Blur patches of the scan, those first that the map marks most.

    Parameters
    ----------
    answer
        Whose probability is asked for.
    pixels
        ``[size, size] uint8``: the network's input.
    map_
        ``[h, w]``: the larger, the more important.
    baseline
        Of the same answer, scan and steps.
    steps
        Answers that are asked for, besides one.
    """
    # Blurring the most important ones first leaves the least important ones: insertion's way back.
    return _curve(_probabilities(answer, pixels, _ranking(map_)[::-1], steps)[::-1], baseline)


def random_baseline(
    answer: Answer,
    pixels: NDArray[np.uint8],
    *,
    rankings: int = 5,
    steps: int = 14,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Baseline:
    """Curves of rankings that know nothing.

    A random ranking's deletion is the insertion of its reverse, so both curves are held against the same areas.
    """
    rng = np.random.default_rng(seed)
    areas = []
    for done in range(rankings):
        areas.append(_area(_probabilities(answer, pixels, rng.permutation(GRID * GRID), steps)))
        progress(done + 1, rankings)
    return Baseline(np.array(areas))


def _probabilities(
    answer: Answer, pixels: NDArray[np.uint8], order: NDArray[np.int64], steps: int
) -> NDArray[np.float64]:
    """Answers to the blurred scan with the first patches of an order put in: none of them, ..., all of them."""
    size = pixels.shape[0]
    rank = np.empty(GRID * GRID, np.int64)
    rank[order] = np.arange(GRID * GRID)
    along = np.arange(size) * GRID // size
    ranks = rank.reshape(GRID, GRID)[along[:, None], along]
    counts = np.rint(np.linspace(0, GRID * GRID, steps + 1))
    return answer(composed(ranks < counts[:, None, None], pixels, blurred(pixels)))


def _ranking(map_: NDArray[np.float32]) -> NDArray[np.int64]:
    """Patches, the most important first."""
    fine = cv2.resize(np.asarray(map_, np.float32), (GRID, GRID), interpolation=cv2.INTER_LINEAR)
    return np.argsort(-fine.reshape(-1), kind="stable")


def _curve(probabilities: NDArray[np.float64], baseline: Baseline) -> Curve:
    shares = np.linspace(0, 1, len(probabilities))
    deviation = float(baseline.areas.std(ddof=1)) if len(baseline.areas) > 1 else 0.0
    return Curve(
        tuple(map(float, shares)),
        tuple(map(float, probabilities)),
        _area(probabilities),
        float(baseline.areas.mean()),
        deviation,
    )


def _area(probabilities: NDArray[np.float64]) -> float:
    """Trapezoids under evenly spaced points from 0 to 1."""
    return float((probabilities[1:] + probabilities[:-1]).mean() / 2)
