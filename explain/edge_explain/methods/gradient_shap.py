"""GradientShap of a PyTorch original (Lundberg and Lee 2017; Erion et al. 2021), by Captum.

DeepLift, which is faster, raises on ResNets: their blocks use one ReLU several times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from captum.attr import GradientShap

from .output import explained, seeded, to_input

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_train.networks.member import Member


class Shap(NamedTuple):
    """Attribution ``[size, size] float32``, and by how much its sum misses the difference it explains."""

    attribution: NDArray[np.float32]
    gap: float


def gradient_shap(
    member: Member,
    pixels: NDArray[np.uint8],
    label: int,
    background: NDArray[np.uint8],
    *,
    samples: int = 3,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Shap:
    """Attribute a class's contrast over the background's to the pixels.

    Each background scan is used equally often, and the way from it to the scan is cut into equal pieces of which each
    gives one gradient, at a place drawn by chance. So what is explained is the contrast less its mean over the
    background; and by how little the sum misses that, the gap tells. One gradient is made at a time: the memory that
    is needed does not grow with their number.

    Parameters
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    background
        ``[K, size, size] uint8``.
    samples
        Gradients for each background scan.
    """
    forward = explained(member, label)
    scan, baselines = to_input(member, pixels), to_input(member, background)
    total = torch.zeros_like(scan, dtype=torch.float64)
    with seeded(seed):
        method = GradientShap(forward)
        for k, baseline in enumerate(baselines):
            way = scan - baseline
            for piece in range(samples):
                begin, end = (baseline + way * (edge / samples) for edge in (piece, piece + 1))
                # Without requires_grad_, Captum warns that it asks for the gradient itself.
                total += method.attribute(end.requires_grad_(), begin, n_samples=1).detach()
            progress(k + 1, len(baselines))
    attribution = (total / len(baselines))[0, 0].cpu().numpy()
    with torch.no_grad():
        apart = forward(scan).item() - np.mean([forward(baseline[None]).item() for baseline in baselines])
    return Shap(attribution.astype(np.float32), float(attribution.sum() - apart))
