"""Shapley values of a scan's regions for the compiled ensemble's probability, by Captum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.attr import ShapleyValueSampling

from edge_explain.explanation import Regions

from .compiled import BATCH, blurred, composed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from .compiled import Answer

COMPACTNESS = 0.15
"""Weighs nearness against grey level (0..1): regions follow organs and stay roundish."""


def segment(pixels: NDArray[np.uint8], regions: int) -> NDArray[np.int64]:
    """Cut a network's input into about so many regions of like brightness (SLIC; Achanta et al. 2012).

    Parameters
    ----------
    pixels
        ``[size, size] uint8``.

    Returns
    -------
    ``[size, size] int64``, counted from 0 without gaps.
    """
    from skimage.segmentation import slic  # takes most of a second, which --quick does without

    found = slic(
        pixels.astype(np.float64) / 255,
        n_segments=regions,
        compactness=COMPACTNESS,
        sigma=1,
        start_label=0,
        channel_axis=None,
    )
    return np.unique(found, return_inverse=True)[1].reshape(pixels.shape).astype(np.int64)


def shapley(
    answer: Answer,
    pixels: NDArray[np.uint8],
    *,
    regions: int = 32,
    permutations: int = 8,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Regions:
    """What each region adds to a class's probability, on average over the orders in which regions may appear.

    Regions that have not yet appeared are :func:`blurred`. Each order is followed by its reverse: what a region adds
    early and late cancels, so fewer orders do (Mitchell et al. 2022, section 4.1).

    Parameters
    ----------
    answer
        The whole ensemble.
    pixels
        ``[size, size] uint8``: the network's input.
    permutations
        Orders that are tried; each costs as many answers as there are regions.
    """
    segments, instead = segment(pixels, regions), blurred(pixels)
    count = int(segments.max()) + 1
    empty, full = answer(np.stack([instead, pixels]))
    asked = 2

    def forward(present: Tensor) -> Tensor:
        nonlocal asked
        asked += len(present)
        found = answer(composed((present.numpy() > 0)[:, segments], pixels, instead))
        progress(min(asked, permutations * count), permutations * count)
        return torch.from_numpy(found)

    # Captum is given the regions, not the pixels: its masks would take longer than the networks.
    sampling = ShapleyValueSampling(forward)
    sampling.permutation_generator = lambda num_features, num_samples: _orders(num_features, num_samples, seed)
    values = sampling.attribute(
        torch.ones(1, count), baselines=torch.zeros(1, count), n_samples=permutations, perturbations_per_eval=BATCH
    )[0]
    values = np.asarray(values.numpy(), np.float64)
    return Regions(segments, values, float(empty), float(full), float(values.sum() - (full - empty)), asked)


def _orders(regions: int, orders: int, seed: int) -> Iterator[Sequence[int]]:
    rng = np.random.default_rng(seed)
    for _ in range(0, orders, 2):
        order = rng.permutation(regions).tolist()
        yield order
        yield order[::-1]
