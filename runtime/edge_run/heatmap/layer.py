"""Draw a signed map as a transparent picture that lies over its scan, whose opacity a reader can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from .overlay import AGAINST, FOR, STRENGTH, ZERO, levels_of, outline

if TYPE_CHECKING:
    from numpy.typing import NDArray


def layer(values: NDArray[np.float32], limit: float, size: tuple[int, int], *, line: int = 1) -> NDArray[np.uint8]:
    """Draw a map with an opacity that grows with the evidence; laid over the scan it gives :func:`overlay`'s picture.

    Parameters
    ----------
    values
        ``[h, w] float32``, signed; enlarged as :func:`edge_run.heatmap.overlay` does.
    limit
        The value at which the scale ends.
    size
        Height and width of the scan, in pixels.
    line
        Width in pixels of the lines around what exceeds half of the scale; 0 for none.

    Returns
    -------
    ``[H, W, 4] uint8``, BGR and opacity.
    """
    height, width = size
    fine = np.asarray(cv2.resize(levels_of(values, limit), (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    steps = np.minimum(fine, 2 * ZERO)
    levels = np.arange(2 * ZERO + 1)
    table = np.empty((len(levels), 4), np.uint8)
    table[:, :3] = np.where((levels > ZERO)[:, None], FOR, AGAINST)
    table[:, 3] = np.rint(255 * STRENGTH * np.abs(levels - ZERO) / ZERO)
    out = table[steps]
    if line:
        outline(steps, line, out)
    return out
