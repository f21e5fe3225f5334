"""Voting weights, fitted on the members' calibrated probabilities of labelled scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EQUAL = 1e6
"""The degree of evenness that means equal weights."""
SMALLEST = 1e-4
"""Smallest weight of a member, before all are made to sum to 1."""
_STEPS, _PRECISION = 200, 1e-15
_WITHIN = 0.99
"""No step goes further than this share of the way to a weight of 0."""
_ENOUGH, _SHORTEST = 1e-4, 1e-12
"""Armijo's rule: what share of the expected gain a step must bring, and where halving it ends."""


def fit_weights(
    members: ArrayLike,
    targets: NDArray[np.int64],
    *,
    shrink: float = 0.01,
    scan_weights: NDArray[np.float64] | None = None,
) -> list[float]:
    """Voting weights that minimise the NLL of the weighted vote, drawn toward equal.

    Expectation-maximisation for the weights of a mixture whose components are given: the likelihood is concave in
    the weights, every step raises it, and the weights stay on the simplex by themselves. The shrinkage is a symmetric
    Dirichlet prior worth ``shrink * N`` scans.

    Parameters
    ----------
    members
        ``[M, N, classes]`` probabilities.
    targets
        ``[N] int64``.
    shrink
        0 is maximum likelihood; large values give equal weights.
    scan_weights
        ``[N]``, how much each scan counts; all the same where not given.

    Returns
    -------
    ``[M]`` weights, above 0 when ``shrink`` is, summing to 1.
    """
    p = np.clip(np.asarray(members, np.float64)[:, np.arange(len(targets)), targets], 1e-12, None)
    prior = shrink * len(targets) / len(p)
    count = np.ones(len(targets)) if scan_weights is None else scan_weights * (len(targets) / scan_weights.sum())
    weights = np.full(len(p), 1 / len(p))
    for _ in range(2000):
        responsibility = weights[:, None] * p
        counts = (responsibility / responsibility.sum(axis=0)) @ count + prior
        updated = counts / counts.sum()
        if np.abs(updated - weights).max() < 1e-9:
            break
        weights = updated
    return [float(w) for w in weights]


def even_weights(
    members: ArrayLike, targets: NDArray[np.int64], scan_weights: NDArray[np.float64], evenness: float
) -> list[float]:
    """Fit the weights that minimise ``NLL - evenness * entropy``, ``[M]`` summing to 1.

    Both terms are convex in the weights, so there is one minimum.

    Parameters
    ----------
    members
        ``[M, N, classes]`` calibrated probabilities.
    scan_weights
        ``[N]``, how much each scan counts.
    """
    p = np.clip(np.asarray(members, np.float64)[:, np.arange(len(targets)), targets], 1e-12, None)
    count = len(p)
    if evenness >= EQUAL or count == 1:
        return [1 / count] * count
    if evenness == 0:
        return _floored(fit_weights(members, targets, shrink=0, scan_weights=scan_weights))
    return _floored(_minimum(p, scan_weights / scan_weights.sum(), evenness))


def _minimum(p: NDArray[np.float64], share: NDArray[np.float64], evenness: float) -> NDArray[np.float64]:
    """Minimise ``NLL - evenness * entropy`` over the weights ``[M]`` by Newton's method with the sum kept at 1.

    Parameters
    ----------
    p
        Each member's probability of the truth, ``[M, N]``.
    share
        ``[N]``, sums to 1.
    """

    def objective(weights: NDArray[np.float64]) -> float:
        return float(-share @ np.log(weights @ p) + evenness * weights @ np.log(weights))

    weights = np.full(len(p), 1 / len(p))
    for _ in range(_STEPS):
        slope = -(p / (weights @ p)) @ share + evenness * (np.log(weights) + 1)
        step = _newton_step(weights, p / (weights @ p), share, slope, evenness)
        expected = -float(slope @ step)
        if expected < _PRECISION:
            break
        falling = step < 0
        length = min(1.0, _WITHIN * float((weights[falling] / -step[falling]).min()))
        now = objective(weights)
        while length > _SHORTEST and objective(weights + length * step) > now - _ENOUGH * length * expected:
            length /= 2
        weights = weights + length * step
    return weights


def _newton_step(
    weights: NDArray[np.float64],
    ratio: NDArray[np.float64],
    share: NDArray[np.float64],
    slope: NDArray[np.float64],
    evenness: float,
) -> NDArray[np.float64]:
    """Solve for the step that keeps the sum, scaled by the weights' roots: they may differ by many powers of ten."""
    root = np.sqrt(weights)
    scaled = root[:, np.newaxis] * ratio
    bend = (scaled * share) @ scaled.T + evenness * np.eye(len(weights))
    free, held = np.linalg.solve(bend, np.stack([-root * slope, root], axis=1)).T
    return np.asarray(root * (free - held * (root @ free) / (root @ held)), np.float64)


def _floored(weights: ArrayLike) -> list[float]:
    """Keep every member in the vote, if only by a ten-thousandth."""
    floored = np.maximum(np.asarray(weights, np.float64), SMALLEST)
    return [float(weight) for weight in floored / floored.sum()]
