"""Insertion and deletion curves (Petsiuk et al. 2018), on the model that answered.

When the places that a good map marks most are put into a blurred scan first, the probability rises early; when they are
blurred first, it falls early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_explain.explanation import Curve
from edge_explain.methods.compiled import blurred, composed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_explain.methods.compiled import ProbabilityFunction
    from edge_explain.progress import PartProgress

GRID = 14
"""Patches on a side: two for each place of a 7 x 7 map."""


class Baseline(NamedTuple):
    """Areas under the curves of random rankings, ``[rankings]``."""

    areas: NDArray[np.float64]


def insertion(
    probability: ProbabilityFunction,
    pixels: NDArray[np.uint8],
    map_: NDArray[np.float32],
    baseline: Baseline,
    *,
    steps: int = 14,
) -> Curve:
    """Put patches into the blurred scan, those that the map marks most first. See :func:`deletion`."""
    return _curve(_probabilities(probability, pixels, _ranking(map_), steps), baseline)


def deletion(
    probability: ProbabilityFunction,
    pixels: NDArray[np.uint8],
    map_: NDArray[np.float32],
    baseline: Baseline,
    *,
    steps: int = 14,
) -> Curve:
    """Blur patches of the scan, those that the map marks most first.

    Parameters
    ----------
    probability
        The ensemble's probability of the explained class.
    pixels
        ``[size, size] uint8``: the network's input.
    map_
        ``[h, w] float32``: the larger, the more important.
    baseline
        Areas of random rankings for the same class, scan and steps.
    steps
        Number of steps from the whole scan to the blurred one.
    """
    # Blurring the most important patches first is inserting the least important ones first, in reverse.
    return _curve(_probabilities(probability, pixels, _ranking(map_)[::-1], steps)[::-1], baseline)


def random_baseline(
    probability: ProbabilityFunction,
    pixels: NDArray[np.uint8],
    *,
    rankings: int = 5,
    steps: int = 14,
    seed: int = 0,
    progress: PartProgress = lambda _done, _steps: None,
) -> Baseline:
    """Compute the areas of the curves of random rankings.

    Deletion by a random ranking is insertion by its reverse, so both curves are compared with the same areas.
    """
    rng = np.random.default_rng(seed)
    areas = []
    for done in range(rankings):
        areas.append(_area(_probabilities(probability, pixels, rng.permutation(GRID * GRID), steps)))
        progress(done + 1, rankings)
    return Baseline(np.array(areas))


def _probabilities(
    probability: ProbabilityFunction, pixels: NDArray[np.uint8], order: NDArray[np.int64], steps: int
) -> NDArray[np.float64]:
    """Compute the probabilities of the blurred scan with the first patches of an order put in, from none to all."""
    size = pixels.shape[0]
    rank = np.empty(GRID * GRID, np.int64)
    rank[order] = np.arange(GRID * GRID)
    along = np.arange(size) * GRID // size
    ranks = rank.reshape(GRID, GRID)[along[:, None], along]
    counts = np.rint(np.linspace(0, GRID * GRID, steps + 1))
    return probability(composed(ranks < counts[:, None, None], pixels, blurred(pixels)))


def _ranking(map_: NDArray[np.float32]) -> NDArray[np.int64]:
    """Order the patches, the most important first."""
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
    """Integrate evenly spaced points from 0 to 1 by the trapezoidal rule."""
    return float((probabilities[1:] + probabilities[:-1]).mean() / 2)
