"""The compiled ensemble's probability of a class as a function of the network's input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.voting.vote import vote

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble

    ProbabilityFunction = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    """Network inputs ``[N, size, size] uint8`` -> probability of the explained class ``[N]``."""

BATCH = 4
"""Scans in a batch: each takes 50 MB with four members, and on a CPU larger batches save no time."""
BLUR = 1 / 12
"""Standard deviation of the blur, as a share of the scan's side."""


def probability_of(ensemble: Ensemble, label: int) -> ProbabilityFunction:
    """Return the function that computes the ensemble's calibrated probability of a class, in batches."""
    weights = [member.weight for member in ensemble.manifest.members]

    def probability(inputs: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = [inputs[start : start + BATCH, None] for start in range(0, len(inputs), BATCH)]
        return np.concatenate([vote(ensemble.probabilities(part), weights)[:, label] for part in parts])

    return probability


def blurred(pixels: NDArray[np.uint8], share: float = BLUR) -> NDArray[np.uint8]:
    """Blur a scan; the result replaces the parts of it that are deleted.

    Black or grey patches would be new objects with sharp edges, which no scan has. A blurred patch keeps the mean
    brightness, so that it resembles what a network has seen before (Fong and Vedaldi 2017, section 4.1).

    Parameters
    ----------
    pixels
        ``[size, size] uint8``.
    share
        Standard deviation of the Gaussian, as a share of the side.
    """
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), share * pixels.shape[0]), dtype=np.uint8)


def composed(keep: NDArray[np.bool_], pixels: NDArray[np.uint8], instead: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compose scans ``[N, size, size] uint8``: ``pixels`` where ``keep`` is true, ``instead`` elsewhere."""
    return np.where(keep, pixels, instead)
