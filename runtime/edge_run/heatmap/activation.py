"""Class-activation maps, computed from what the compiled members return anyway (Zhou et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def contrast_map(features: NDArray[np.float32], head: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Compute how much each place adds to a class's logit, compared with the mean logit of the other classes.

    The networks end in a global average and one linear layer. So the logit, without its bias, is the mean of the map
    ``head[label] @ features``, which equals Grad-CAM before its ReLU, but for the number of places (Selvaraju et al.
    2017, section 3.1). The softmax depends only on differences of logits, so the map of the difference is drawn.

    Parameters
    ----------
    features
        ``[width, h, w] float32``: one scan's last convolutional block.
    head
        ``[classes, width] float32``: weight of the linear layer.
    label
        Index of the class.

    Returns
    -------
    ``[h, w] float32``, in logits; positive where a place is evidence for the class.
    """
    others = np.delete(head, label, axis=0).mean(axis=0)
    return np.asarray(np.tensordot(head[label] - others, features, axes=1), dtype=np.float32)


def vote_map(
    maps: Sequence[NDArray[np.float32]], weights: Sequence[float], temperatures: Sequence[float]
) -> NDArray[np.float32]:
    """Average the members' maps with the weights of the vote, each divided by its temperature as its logits are.

    Parameters
    ----------
    maps
        One ``[h, w] float32`` for each member, all of one size.
    weights, temperatures
        One number for each member.

    Returns
    -------
    ``[h, w] float32``.
    """
    share = np.asarray(weights, np.float64) / sum(weights) / np.asarray(temperatures, np.float64)
    return np.asarray(np.tensordot(share, np.stack(maps), axes=1), dtype=np.float32)
