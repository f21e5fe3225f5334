"""Area averaging in whole numbers: the same grey levels on every processor.

OpenCV's ``INTER_AREA`` sums in float32, in an order that depends on the processor's vector unit: on 64-bit Arm some
pixels differ by one grey level from x86. Here every sum is a whole number that its type holds exactly, so no order of
adding and no fused operation can change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shrink_exactly(pixels: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Average the area under each pixel of a smaller square, rounding half up.

    Output pixel (i, j) is the mean of the scan over rows ``[i H / size, (i + 1) H / size)`` and the like columns; a
    pixel that a border cuts counts by the part inside. It is read off the integral image (Crow 1984, "Summed-area
    tables for texture mapping"), interpolated at the borders.

    Parameters
    ----------
    pixels
        ``[H, W] uint8``, both sides at least ``size``, and at most 2^31 pixels.

    Returns
    -------
    ``[size, size] uint8``.
    """
    area = pixels.size
    integral = np.asarray(cv2.integral(pixels, sdepth=cv2.CV_64F), np.float64)
    rows = _between_borders(integral, size)
    sums = _between_borders(rows.T, size).T
    # The quotient is at least 1 / (2 area) away from the whole number above it, far more than the division rounds.
    return np.asarray(np.floor((2 * sums + area) / (2 * area)), np.uint8)


def _between_borders(integral: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum along the first axis between ``size + 1`` even borders, times ``size``.

    Parameters
    ----------
    integral
        ``[length + 1, n]``: sums of all before, interpolated where a border cuts a pixel.

    Returns
    -------
    ``[size, n]``, whole numbers below 2^53 as all in between.
    """
    length = len(integral) - 1
    whole, part = np.divmod(np.arange(size + 1) * length, size)
    # In place: fresh memory costs more here than the arithmetic.
    until, after = integral[whole], integral[np.minimum(whole + 1, length)]
    until *= (size - part)[:, None]
    after *= part[:, None]
    until += after
    return np.asarray(until[1:] - until[:-1])
