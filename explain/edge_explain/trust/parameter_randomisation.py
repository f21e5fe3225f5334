"""Measure whether a map depends on what the network has learnt (Adebayo et al. 2018)."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import torch

from edge_explain.methods.gradcam import grad_cam

from .agreement import rank_correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_train.networks.member import Member


def randomisation(
    member: Member,
    pixels: NDArray[np.uint8],
    map_: NDArray[np.float32],
    label: int,
    *,
    times: int = 5,
    seed: int = 0,
) -> float:
    """Compute the rank correlation of a map with that of the same network with shuffled weights.

    Parameters
    ----------
    map_
        Its Grad-CAM, ``[h, w] float32``.
    times
        How often the weights are shuffled; the mean is returned.
    """
    correlations = [rank_correlation(map_, grad_cam(shuffled(member, seed + n), pixels, label)) for n in range(times)]
    return float(np.mean(correlations))


def shuffled(member: Member, seed: int) -> Member:
    """Copy a network and shuffle the weights of its convolutions and last layer, each within its layer.

    Outputs, inputs and places of the kernels are permuted. Batch normalisation and biases are kept; without them the
    signal would vanish or explode, and the map of a vanished signal is unlike any other.
    """
    copy = deepcopy(member)
    generator = torch.Generator().manual_seed(seed)
    for weight in copy.parameters():
        if weight.dim() > 1:
            kernels = weight.data.flatten(2) if weight.dim() > 2 else weight.data[:, :, None]
            for axis in range(3):
                order = torch.randperm(kernels.shape[axis], generator=generator)
                kernels = kernels.index_select(axis, order.to(weight.device))
            weight.data = kernels.reshape(weight.shape)
    return copy
