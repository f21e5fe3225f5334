"""The temperature of a member: what its logits are divided by, so that its probabilities can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.voting.vote import softmax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LOWEST, HIGHEST = 0.05, 20.0
_STEPS, _PRECISION = 200, 1e-12


def nll(probabilities: ArrayLike, targets: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood, nats; probabilities ``[N, classes]`` are clipped at 1e-12."""
    p = np.asarray(probabilities, np.float64)[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(p, 1e-12, None)).mean())


def fit_temperature(logits: ArrayLike, targets: NDArray[np.int64]) -> float:
    """Temperature that minimises the NLL of ``softmax(logits / T)`` (Guo et al. 2017).

    Parameters
    ----------
    logits
        ``[N, classes]``.
    targets
        ``[N] int64``.

    Returns
    -------
    Between 0.05 and 20. The NLL is convex in ``1 / T``, so its one minimum is found: by Newton's method on its slope,
    kept between two values of ``1 / T`` with slopes of unlike sign.
    """
    values = np.asarray(logits, np.float64)
    lead = values - values[np.arange(len(values)), targets][:, np.newaxis]
    low, high = 1 / HIGHEST, 1 / LOWEST
    if _slope(lead, low)[0] >= 0:
        return HIGHEST
    if _slope(lead, high)[0] <= 0:
        return LOWEST
    inverse = 1.0
    for _ in range(_STEPS):
        slope, bend = _slope(lead, inverse)
        low, high = (inverse, high) if slope < 0 else (low, inverse)
        moved = inverse - slope / bend if bend > 0 else low
        # Beyond the bracket the slope is too flat for Newton's method: halve on the scale of 1 / T's logarithm.
        moved = moved if low < moved < high else float(np.sqrt(low * high))
        if abs(moved - inverse) <= _PRECISION * inverse:
            break
        inverse = moved
    return float(1 / inverse)


def _slope(lead: NDArray[np.float64], inverse: float) -> tuple[float, float]:
    """First and second derivative of the mean NLL by ``1 / T``.

    Parameters
    ----------
    lead
        Logits minus that of the true class, ``[N, classes]``.
    """
    p = softmax(lead * inverse)
    mean = (p * lead).sum(axis=1)
    return float(mean.mean()), float(((p * np.square(lead)).sum(axis=1) - np.square(mean)).mean())
