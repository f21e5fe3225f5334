"""Compute GradientShap of a PyTorch original (Lundberg and Lee 2017; Erion et al. 2021), by Captum.

DeepLift is faster, but fails on ResNets, whose blocks use one ReLU several times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from captum.attr import GradientShap

from .output import explained, seeded, to_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_explain.progress import PartProgress
    from edge_train.networks.member import Member


class Shap(NamedTuple):
    """An attribution ``[size, size] float32``, and its sum minus the difference that it explains, in log-odds."""

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
    progress: PartProgress = lambda _done, _steps: None,
) -> Shap:
    """Attribute to the pixels the difference of a class's contrast between the scan and the mean of the background.

    Each background scan is used equally often. The line from it to the scan is divided into equal parts, and each part
    gives one gradient at a random point. One gradient is computed at a time, so memory does not grow with their number.

    Parameters
    ----------
    pixels
        ``[size, size] uint8``: the network's input.
    background
        ``[K, size, size] uint8``.
    samples
        Number of gradients for each background scan.
    """
    forward = explained(member, label)
    scan, baselines = to_input(member, pixels), to_input(member, background)
    total = torch.zeros_like(scan, dtype=torch.float64)
    with seeded(seed):
        method = GradientShap(forward)
        for k, baseline in enumerate(baselines):
            line = scan - baseline
            for part in range(samples):
                begin, end = (baseline + line * (edge / samples) for edge in (part, part + 1))
                # Without requires_grad_, Captum warns that it sets it itself.
                total += method.attribute(end.requires_grad_(), begin, n_samples=1).detach()
            progress(k + 1, len(baselines))
    attribution = (total / len(baselines))[0, 0].cpu().numpy()
    with torch.no_grad():
        difference = forward(scan).item() - np.mean([forward(baseline[None]).item() for baseline in baselines])
    return Shap(attribution.astype(np.float32), float(attribution.sum() - difference))
