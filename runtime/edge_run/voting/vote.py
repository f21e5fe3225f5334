"""Calibrated probabilities and the weighted soft vote. The one place where either is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def softmax(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Class probabilities of logits divided by a temperature (Guo et al. 2017).

    Parameters
    ----------
    logits
        ``[..., classes]``, finite.
    temperature
        Above 0; larger is less confident.

    Returns
    -------
    ``[..., classes] float64``, each row summing to 1.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if not np.isfinite(scaled).all():
        raise ValueError("logits are not finite")
    exponent = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponent / exponent.sum(axis=-1, keepdims=True), dtype=np.float64)


def vote(members: ArrayLike, weights: Sequence[float]) -> NDArray[np.float64]:
    """Weighted mean of the members' probabilities.

    Parameters
    ----------
    members
        ``[members, ..., classes]`` probabilities.
    weights
        ``[members]``, not negative; divided by their sum.

    Returns
    -------
    ``[..., classes] float64``.
    """
    share = np.asarray(weights, np.float64)
    if (share < 0).any() or share.sum() <= 0:
        raise ValueError(f"voting weights {list(weights)} must not be negative, and not all zero")
    return np.asarray(np.tensordot(share / share.sum(), np.asarray(members, np.float64), axes=1), dtype=np.float64)


def decide(probabilities: ArrayLike, *, positive: int, threshold: float | None) -> NDArray[np.int64]:
    """Class index of each row: the label that is given out.

    Two classes and a threshold: positive iff its probability is at least the threshold. Otherwise the most probable
    class, the first of equals.

    Parameters
    ----------
    probabilities
        ``[..., classes]``.
    positive
        Index of the positive class.
    threshold
        The operating point, or None.

    Returns
    -------
    ``[...] int64``.
    """
    p = np.asarray(probabilities, np.float64)
    if threshold is None or p.shape[-1] != 2:
        return np.asarray(p.argmax(axis=-1), dtype=np.int64)
    return np.where(p[..., positive] >= threshold, positive, 1 - positive).astype(np.int64)
