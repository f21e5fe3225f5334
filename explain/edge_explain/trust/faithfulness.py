"""Measure infidelity and sensitivity of a member's Grad-CAM (Yeh et al. 2019), by Captum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch.nn.functional import interpolate

from edge_explain.methods.compiled import blurred
from edge_explain.methods.gradcam import attribute
from edge_explain.methods.output import explained, to_input

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from edge_train.networks.member import Member

RADIUS = 5.0
"""Largest change of a grey level by noise: too small to be seen."""
SQUARE = 1 / 4
"""Side of the square that is blurred, as a share of the scan's side."""
BATCH = 4


def infidelity(
    member: Member,
    pixels: NDArray[np.uint8],
    map_: NDArray[np.float32],
    label: int,
    *,
    temperature: float,
    samples: int = 8,
    seed: int = 0,
) -> float:
    """Measure how badly the map predicts the loss of contrast when a square at a random place is blurred.

    The map is enlarged to the scan and scaled to fit best, so its unit does not matter. The unit of the result is that
    of the squared contrast, divided by the temperature as in the vote.

    Parameters
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    map_
        ``[h, w] float32``: its Grad-CAM.
    samples
        Number of squares.
    """
    grey, instead = to_input(member, pixels), to_input(member, blurred(pixels))
    attribution = _enlarged(torch.from_numpy(map_)[None, None].to(grey), pixels.shape[0])
    rng = np.random.default_rng(seed)

    def blur_squares(inputs: Tensor) -> tuple[Tensor, Tensor]:
        squares = torch.from_numpy(_squares(len(inputs), pixels.shape[0], rng)).to(inputs)
        return squares, inputs + squares * (instead - inputs)

    forward = explained(member, label)
    result = captum_infidelity(
        lambda inputs: forward(inputs) / temperature,
        blur_squares,
        grey,
        attribution,
        n_perturb_samples=samples,
        max_examples_per_batch=min(BATCH, samples),
        normalize=True,
    )
    return float(result.item())


def sensitivity(member: Member, pixels: NDArray[np.uint8], label: int, *, samples: int = 4, seed: int = 0) -> float:
    """Measure the largest relative change of the map under noise that is too small to be seen."""
    grey = to_input(member, pixels)
    generator = torch.Generator().manual_seed(seed)

    def add_noise(inputs: Tensor) -> Tensor:
        noise = torch.rand(inputs.shape, generator=generator).to(inputs)
        return inputs + RADIUS * (2 * noise - 1)

    result = sensitivity_max(
        lambda inputs: attribute(member, inputs[0] if isinstance(inputs, tuple) else inputs, label),
        grey,
        add_noise,
        n_perturb_samples=samples,
        max_examples_per_batch=min(BATCH, samples),
    )
    return float(result.item())


def _enlarged(maps: Tensor, size: int) -> Tensor:
    return interpolate(maps, size=(size, size), mode="bilinear", align_corners=False)


def _squares(count: int, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw squares, ``[count, 1, size, size] float32``: 1 inside a square, which may reach beyond the edge."""
    half, along = SQUARE * size / 2, np.arange(size)
    centres = rng.uniform(0, size, (count, 2))
    rows, columns = (np.abs(along - centres[:, axis, None]) <= half for axis in (0, 1))
    return (rows[:, None, :, None] & columns[:, None, None, :]).astype(np.float32)
