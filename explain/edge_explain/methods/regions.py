"""Compute Shapley values of a scan's regions for the compiled ensemble's probability, by Captum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from captum.attr import ShapleyValueSampling

from edge_explain.explanation import Regions

from .compiled import BATCH, blurred, composed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from edge_explain.progress import PartProgress

    from .compiled import ProbabilityFunction

COMPACTNESS = 0.15
"""Weight of distance compared with grey level (0..1), at which regions follow organs and stay compact."""


def segment(pixels: NDArray[np.uint8], regions: int) -> NDArray[np.int64]:
    """Divide a network's input into regions of similar brightness (SLIC; Achanta et al. 2012).

    Parameters
    ----------
    pixels
        ``[size, size] uint8``.
    regions
        About how many.

    Returns
    -------
    ``[size, size] int64``: the region of each pixel, counted from 0 without gaps.
    """
    from skimage.segmentation import slic  # its import takes most of a second, which --quick saves

    labels = slic(
        pixels.astype(np.float64) / 255,
        n_segments=regions,
        compactness=COMPACTNESS,
        sigma=1,
        start_label=0,
        channel_axis=None,
    )
    return np.unique(labels, return_inverse=True)[1].reshape(pixels.shape).astype(np.int64)


def shapley(
    probability: ProbabilityFunction,
    pixels: NDArray[np.uint8],
    *,
    regions: int = 32,
    permutations: int = 8,
    seed: int = 0,
    progress: PartProgress = lambda _done, _steps: None,
) -> Regions:
    """Estimate how much each region adds to a class's probability, on average over the orders in which regions appear.

    Regions that have not yet appeared are :func:`edge_explain.methods.compiled.blurred`. Each order is followed by its
    reverse, so that errors of early and late regions cancel and fewer orders suffice (Mitchell et al. 2022, section
    4.1).

    Parameters
    ----------
    probability
        The compiled ensemble's probability of the class.
    pixels
        ``[size, size] uint8``: the network's input.
    permutations
        Number of orders; each takes as many forward passes as there are regions.
    """
    segments, instead = segment(pixels, regions), blurred(pixels)
    count = int(segments.max()) + 1
    empty, full = probability(np.stack([instead, pixels]))
    evaluations = 2

    def forward(present: Tensor) -> Tensor:
        nonlocal evaluations
        evaluations += len(present)
        result = probability(composed((present.numpy() > 0)[:, segments], pixels, instead))
        progress(min(evaluations, permutations * count), permutations * count)
        return torch.from_numpy(result)

    # Captum gets the regions, not the pixels: its masks would take longer than the networks.
    sampling = ShapleyValueSampling(forward)
    sampling.permutation_generator = lambda num_features, num_samples: _orders(num_features, num_samples, seed)
    values = sampling.attribute(
        torch.ones(1, count), baselines=torch.zeros(1, count), n_samples=permutations, perturbations_per_eval=BATCH
    )[0]
    values = np.asarray(values.numpy(), np.float64)
    return Regions(segments, values, float(empty), float(full), float(values.sum() - (full - empty)), evaluations)


def _orders(regions: int, orders: int, seed: int) -> Iterator[Sequence[int]]:
    rng = np.random.default_rng(seed)
    for _ in range(0, orders, 2):
        order = rng.permutation(regions).tolist()
        yield order
        yield order[::-1]
