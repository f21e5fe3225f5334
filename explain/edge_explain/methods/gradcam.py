"""Compute Grad-CAM of a PyTorch original at its last block, by Captum (Selvaraju et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from captum.attr import LayerGradCam

from .output import explained, to_input

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from edge_train.networks.member import Member


def grad_cam(member: Member, pixels: NDArray[np.uint8], label: int) -> NDArray[np.float32]:
    """Compute the map of a class's contrast, before ReLU.

    Parameters
    ----------
    pixels
        ``[size, size] uint8``: the network's input.

    Returns
    -------
    ``[h, w] float32``, signed: `edge_run.heatmap.activation.contrast_map` of the same network, divided by ``h * w``.
    """
    return np.asarray(attribute(member, to_input(member, pixels), label)[0, 0].cpu().numpy(), dtype=np.float32)


def attribute(member: Member, grey: Tensor, label: int) -> Tensor:
    """Compute maps ``[N, 1, h, w]`` of inputs ``[N, 1, size, size] float32``, grey levels."""
    last = member.net.get_submodule(member.architecture.trunk[-1])
    maps: Tensor = LayerGradCam(explained(member, label), last).attribute(grey, relu_attributions=False)
    return maps.detach()
