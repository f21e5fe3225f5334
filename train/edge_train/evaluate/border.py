"""Scans whose centre is blanked: what a classifier still gets right of them it reads off the border."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .records import BLANKED, FILL

if TYPE_CHECKING:
    from numpy.typing import NDArray


def blank_centre(pixels: NDArray[np.uint8], *, blanked: float = BLANKED, fill: int = FILL) -> NDArray[np.uint8]:
    """Copy inputs with their central part replaced by one grey level.

    Parameters
    ----------
    pixels
        ``[N, 1, S, S] uint8``, preprocessed.
    blanked
        Share of the height and of the width, between 0 and 1.
    """
    height, width = pixels.shape[-2:]
    top, left = (round(side * (1 - blanked) / 2) for side in (height, width))
    copy: NDArray[np.uint8] = np.array(pixels)
    copy[..., top : height - top, left : width - left] = fill
    return copy
