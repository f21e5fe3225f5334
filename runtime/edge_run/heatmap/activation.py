"""Class-activation maps from what the compiled members return anyway (Zhou et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def activation_map(features: NDArray[np.float32], head: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Contribution of each place to a class's logit.

    The networks end in a global average and one Linear, so the logit, less its bias, is the mean over this map, and the
    map is Grad-CAM before its ReLU, up to the number of places (Selvaraju et al. 2017, section 3.1).

    Parameters
    ----------
    features
        ``[width, h, w]``: one scan's last convolutional block.
    head
        ``[classes, width]``: the Linear's weight.
    label
        Index of the class.

    Returns
    -------
    ``[h, w] float32``, signed.
    """
    return np.asarray(np.tensordot(head[label], features, axes=1), dtype=np.float32)


def contrast_map(features: NDArray[np.float32], head: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Contribution of each place to a class's logit over the mean of the others': what the softmax turns on."""
    others = np.delete(head, label, axis=0).mean(axis=0)
    return np.asarray(np.tensordot(head[label] - others, features, axes=1), dtype=np.float32)


def vote_map(
    maps: Sequence[NDArray[np.float32]], weights: Sequence[float], temperatures: Sequence[float]
) -> NDArray[np.float32]:
    """The members' maps as one: weighted by the vote, each divided by its temperature as its logits are.

    Parameters
    ----------
    maps
        ``[h, w]`` each, of one size.
    """
    share = np.asarray(weights, np.float64) / sum(weights) / np.asarray(temperatures, np.float64)
    return np.asarray(np.tensordot(share, np.stack(maps), axes=1), dtype=np.float32)
