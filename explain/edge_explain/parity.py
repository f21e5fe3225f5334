"""The bedside's map against Captum's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .explanation import MapParity

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compare(bedside: NDArray[np.float32], grad_cam: NDArray[np.float32]) -> MapParity:
    """Hold a compiled member's class-activation map against the original's Grad-CAM.

    Parameters
    ----------
    bedside
        ``[h, w]``: its mean is the contrast, less the bias.
    grad_cam
        ``[h, w]``: its sum is the same.
    """
    ours = np.asarray(bedside, np.float64)
    reference = np.asarray(grad_cam, np.float64) * grad_cam.size
    norms = float(np.linalg.norm(ours) * np.linalg.norm(reference))
    largest, apart = float(np.abs(reference).max()), float(np.abs(ours - reference).max())
    if not largest:
        # A class that no place speaks for or against: nothing to compare but whether ours says so too.
        return MapParity(1.0 if not apart else 0.0, 0.0 if not apart else 1.0)
    return MapParity(float((ours * reference).sum()) / norms if norms else 0.0, apart / largest)
