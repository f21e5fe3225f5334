"""Compare a compiled member's map with Captum's Grad-CAM of its original."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .explanation import MapParity

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compare(compiled: NDArray[np.float32], grad_cam: NDArray[np.float32]) -> MapParity:
    """Compare a compiled member's class-activation map with the original's Grad-CAM.

    Parameters
    ----------
    compiled
        ``[h, w] float32``, whose mean is the contrast without the bias.
    grad_cam
        ``[h, w] float32``, whose sum is the same.
    """
    ours = np.asarray(compiled, np.float64)
    reference = np.asarray(grad_cam, np.float64) * grad_cam.size
    norms = float(np.linalg.norm(ours) * np.linalg.norm(reference))
    largest, difference = float(np.abs(reference).max()), float(np.abs(ours - reference).max())
    if not largest:
        # No place is evidence for or against the class: the maps agree only if both are 0 everywhere.
        return MapParity(1.0 if not difference else 0.0, 0.0 if not difference else 1.0)
    return MapParity(float((ours * reference).sum()) / norms if norms else 0.0, difference / largest)
