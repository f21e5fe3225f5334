"""A whole ensemble as a function of the network's input, which is asked thousands of times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.voting.vote import vote

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from edge_run.ensemble.ensemble import Ensemble

    Answer = Callable[[NDArray[np.uint8]], NDArray[np.float64]]
    """Network inputs ``[N, size, size] uint8`` -> probability of the explained class ``[N]``."""

BATCH = 4
"""On a CPU larger ones take memory, 50 MB a scan with four members, and save no time."""
BLUR = 1 / 12
"""Standard deviation of the blur, as a share of the side."""


def probability_of(ensemble: Ensemble, label: int) -> Answer:
    """The compiled ensemble's calibrated probability of a class, in batches."""
    weights = [member.weight for member in ensemble.manifest.members]

    def answer(inputs: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = [inputs[start : start + BATCH, None] for start in range(0, len(inputs), BATCH)]
        return np.concatenate([vote(ensemble.probabilities(part), weights)[:, label] for part in parts])

    return answer


def blurred(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What stands for a part of the scan that is taken away: the scan itself without its detail.

    Black or grey would be a new object with sharp edges, such as no scan has; brightness at large stays as it was, so a
    network sees something that it may have seen before (Fong and Vedaldi 2017, section 4.1).

    Parameters
    ----------
    pixels
        ``[size, size] uint8``.
    """
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), BLUR * pixels.shape[0]), dtype=np.uint8)


def composed(keep: NDArray[np.bool_], pixels: NDArray[np.uint8], instead: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Put scans together: ``pixels`` where ``keep`` ``[N, size, size]``, ``instead`` elsewhere."""
    return np.where(keep, pixels, instead)
