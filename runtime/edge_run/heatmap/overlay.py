"""A coarse signed map over a grey scan."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOR, AGAINST = (0, 118, 255), (255, 120, 24)
"""Orange and blue, BGR: told apart with any kind of colour blindness, and neither a colour of CT."""

STRENGTH = 0.72
"""How opaque the end of the scale is: the scan stays legible through it."""

_ZERO = 127
_ROWS = 128


def overlay(
    grey: NDArray[np.uint8], values: NDArray[np.float32], limit: float, *, line: int = 1, out: NDArray[np.uint8]
) -> None:
    """Colour a scan by a map: the stronger the evidence, the less of the grey is left.

    A line is drawn round what is beyond half of the scale, unbroken where it is for and dashed where it is against, so
    that a grey print still shows the sign. Beside the output, memory is of the order of the scan's own.

    Parameters
    ----------
    grey
        ``[H, W] uint8``.
    values
        ``[h, w]``, signed; enlarged by bicubic interpolation, its outermost values reach to the border.
    limit
        Where the scale ends.
    line
        Width of the line, pixels; 0 for none.
    out
        ``[H, W, 3] uint8`` BGR, is filled.
    """
    height, width = grey.shape
    levels = levels_of(values, limit)
    fine = np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    np.minimum(fine, 2 * _ZERO, out=fine)  # a cubic swings beyond its points
    table = _table()
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        out[rows] = table[fine[rows], grey[rows]]
    if not line:
        return
    half = _ZERO // 2
    _outline(fine > _ZERO + half, FOR, line, 0, out)
    _outline(fine < _ZERO - half, AGAINST, line, 4 + 3 * line, out)


def bar(out: NDArray[np.uint8]) -> None:
    """Fill ``[H, W, 3] uint8`` BGR with the scale, its end above: over dark on the left, over bright on the right."""
    height, width, _ = out.shape
    levels = np.rint(np.linspace(2 * _ZERO, 0, height)).astype(np.uint8)
    greys = np.linspace(30, 225, width).astype(np.uint8)
    out[:] = _table()[levels[:, None], greys[None, :]]


def levels_of(values: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """Signed values as steps of the scale, 0 to 254, nothing at 127."""
    return np.asarray(np.rint(np.clip(values / limit, -1, 1) * _ZERO) + _ZERO, np.uint8)


@functools.cache
def _table() -> NDArray[np.uint8]:
    """Colour of each step over each grey, ``[255, 256, 3] uint8`` BGR."""
    share = (np.arange(2 * _ZERO + 1, dtype=np.float64) - _ZERO) / _ZERO
    colour = np.where(share[:, None, None] > 0, FOR, AGAINST)
    grey = np.arange(256, dtype=np.float64)[None, :, None]
    return np.asarray(np.rint(grey + STRENGTH * np.abs(share)[:, None, None] * (colour - grey)), np.uint8)


def _outline(
    inside: NDArray[np.bool_], colour: tuple[int, int, int], line: int, dash: int, out: NDArray[np.uint8]
) -> None:
    """Draw where a region ends, but not along the image's border: there it goes on, for all that is known."""
    height, width = inside.shape
    edge = np.zeros((height, width), np.uint8)
    for contour in cv2.findContours(inside.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]:
        x, y = np.asarray(contour).reshape(-1, 2).T
        drawn = (x > 0) & (y > 0) & (x < width - 1) & (y < height - 1)
        if dash:
            drawn &= np.arange(len(x)) // dash % 2 == 0
        edge[y[drawn], x[drawn]] = 1
    if line > 1:
        edge = np.asarray(cv2.dilate(edge, np.ones((line, line), np.uint8)), np.uint8)
    out[edge > 0] = colour
