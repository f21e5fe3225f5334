"""Class-activation maps at the size of their image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def enlarged(values: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Interpolate a coarse map, ``[h, w]``, to ``[height, width] float32``."""
    return np.asarray(cv2.resize(values, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
