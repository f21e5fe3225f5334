"""How far the members' probabilities are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.voting.vote import vote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


def disagreement(members: ArrayLike, weights: Sequence[float]) -> NDArray[np.float64]:
    """Compute the weighted Jensen-Shannon divergence of the members' probabilities (Lin 1991, eq. 5.1), bits.

    It is the entropy of the vote minus the mean entropy of the members: 0 where all agree, 1 where two halves of equal
    weight are certain of opposite classes.

    Parameters
    ----------
    members
        ``[members, ..., classes]`` probabilities.
    weights
        ``[members]``, not negative; divided by their sum.

    Returns
    -------
    ``[...] float64``, not below 0.
    """
    p = np.asarray(members, np.float64)
    return np.maximum(_entropy(vote(p, weights)) - vote(_entropy(p)[..., np.newaxis], weights)[..., 0], 0.0)


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-(p * np.log2(np.where(p > 0, p, 1.0))).sum(axis=-1), dtype=np.float64)
