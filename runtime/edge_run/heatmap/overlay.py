"""Draw a coarse signed map over a grey scan."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FOR, AGAINST = (0, 118, 255), (255, 120, 24)
"""Orange and blue, BGR: people with any kind of colour blindness can distinguish them, and neither occurs in a CT."""

STRENGTH = 0.72
"""Opacity at the end of the scale, at which the scan is still legible."""

ZERO = 127
"""The step of the scale, of 0 to 254, that stands for no evidence."""

_ROWS = 128


def overlay(
    grey: NDArray[np.uint8], values: NDArray[np.float32], limit: float, *, line: int = 1, out: NDArray[np.uint8]
) -> None:
    """Colour a scan by a map, orange where the map is positive and blue where it is negative.

    The stronger the evidence, the more opaque the colour. A line surrounds what exceeds half of the scale, solid where
    the map is positive and dashed where it is negative, so that a grey print still shows the sign.

    Parameters
    ----------
    grey
        ``[H, W] uint8``.
    values
        ``[h, w] float32``, signed; enlarged by bicubic interpolation, its outermost values reach to the border.
    limit
        The value at which the scale ends.
    line
        Width of the line in pixels; 0 for none.
    out
        ``[H, W, 3] uint8`` BGR, which is filled.
    """
    height, width = grey.shape
    levels = levels_of(values, limit)
    fine = np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    np.minimum(fine, 2 * ZERO, out=fine)  # a cubic overshoots its points
    table = _table()
    for top in range(0, height, _ROWS):
        rows = slice(top, top + _ROWS)
        out[rows] = table[fine[rows], grey[rows]]
    if not line:
        return
    outline(fine, line, out)


def draw_bar(out: NDArray[np.uint8]) -> None:
    """Fill ``[H, W, 3] uint8`` BGR with the scale, positive at the top, over dark grey on the left to bright."""
    height, width, _ = out.shape
    levels = np.rint(np.linspace(2 * ZERO, 0, height)).astype(np.uint8)
    greys = np.linspace(30, 225, width).astype(np.uint8)
    out[:] = _table()[levels[:, None], greys[None, :]]


def levels_of(values: NDArray[np.float32], limit: float) -> NDArray[np.uint8]:
    """Convert signed values to steps of the scale, 0 to 254, where 127 is zero."""
    return np.asarray(np.rint(np.clip(values / limit, -1, 1) * ZERO) + ZERO, np.uint8)


def outline(steps: NDArray[np.uint8], line: int, out: NDArray[np.uint8]) -> None:
    """Surround what exceeds half of the scale, solid where the map is positive and dashed where it is negative.

    Parameters
    ----------
    steps
        ``[H, W] uint8`` steps of the scale.
    line
        Width of the line in pixels.
    out
        ``[H, W, 3]`` BGR or ``[H, W, 4]`` BGR and opacity, ``uint8``, which is drawn on.
    """
    half = ZERO // 2
    _outline(steps > ZERO + half, FOR, line, 0, out)
    _outline(steps < ZERO - half, AGAINST, line, 4 + 3 * line, out)


@functools.cache
def _table() -> NDArray[np.uint8]:
    """Compute the colour of each step over each grey level, ``[255, 256, 3] uint8`` BGR."""
    share = (np.arange(2 * ZERO + 1, dtype=np.float64) - ZERO) / ZERO
    colour = np.where(share[:, None, None] > 0, FOR, AGAINST)
    grey = np.arange(256, dtype=np.float64)[None, :, None]
    return np.asarray(np.rint(grey + STRENGTH * np.abs(share)[:, None, None] * (colour - grey)), np.uint8)


def _outline(
    inside: NDArray[np.bool_], colour: tuple[int, int, int], line: int, dash: int, out: NDArray[np.uint8]
) -> None:
    """Draw the edge of a region, but not along the image's border, beyond which it may go on."""
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
    # The lines are opaque.
    out[edge > 0] = (*colour, 255)[: out.shape[2]]
