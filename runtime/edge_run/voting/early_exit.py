"""What an unfinished vote is already sure of.

After some members have answered, with weight ``W`` still to come, the vote's probability of each class lies in
``[p, p + W]``, where ``p`` is the weighted sum of the answers so far: a member that is missing adds at least nothing
and at most its weight. What holds throughout that interval holds for the whole vote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MARGIN = 1e-9
"""How far within the interval a threshold must stay clear: far above what rounding does to a sum of a few shares."""


class Bounds(NamedTuple):
    """Lowest and highest probability of each class once all members have answered, ``[classes] float64`` each."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @property
    def exact(self) -> bool:
        """Whether all members have answered."""
        return self.low is self.high


def bounds(answered: ArrayLike, weights: Sequence[float], total: float = 1.0) -> Bounds:
    """Bounds of the vote after some answers.

    Parameters
    ----------
    answered
        ``[members, classes]`` probabilities of those that answered.
    weights
        Of the same members.
    total
        Sum of all members' weights; bounds are shares of it.
    """
    share = np.asarray(weights, np.float64) / total
    low = np.tensordot(share, np.asarray(answered, np.float64), axes=1)
    return Bounds(low, low + max(0.0, 1.0 - float(share.sum())))


def certain_class(within: Bounds, *, positive: int, threshold: float | None) -> int | None:
    """The class that `voting.vote.decide` will give out, or None where the missing members could change it."""
    low, high = within
    if threshold is not None and len(low) == 2:
        if low[positive] >= threshold + MARGIN:
            return positive
        # The other class's bound is as good, and tighter after rounding.
        return 1 - positive if high[positive] <= threshold - MARGIN else None
    leader = int(low.argmax())
    others = np.delete(high, leader)
    return leader if (low[leader] >= others + MARGIN).all() else None


def certain_confidence(within: Bounds, threshold: float) -> bool | None:
    """Whether the largest probability will reach a threshold; None where that is still open."""
    if (within.low >= threshold + MARGIN).any():
        return True
    # The classes share what is missing, so not all can have it; but one of them may.
    return False if (within.high <= threshold - MARGIN).all() else None
