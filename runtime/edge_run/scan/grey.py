"""Decoded pixels of any kind -> upright 8-bit grey, noting every step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.unsignedinteger[Any]]


_PIXELS_AT_ONCE = 2**20


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Undo an EXIF orientation: 5 to 8 exchange rows and columns as well (Exif 2.32, 4.6.4)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(pixels[::rows, ::columns])


def to_grey(pixels: Pixels, steps: list[str]) -> Pixels:
    """Reduce ``[H, W, 3]`` BGR to ``[H, W]`` by the weights of ITU-R BT.601; grey passes as it is."""
    if pixels.ndim == 2:
        return pixels
    blue, green, red = pixels[:, :, 0], pixels[:, :, 1], pixels[:, :, 2]
    if np.array_equal(blue, green) and np.array_equal(green, red):
        steps.append("three equal channels, one kept")
        return green
    steps.append("RGB to grey")
    grey: Pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), dtype=pixels.dtype)
    return grey


def to_uint8(pixels: Pixels, steps: list[str]) -> NDArray[np.uint8]:
    """Stretch 16-bit grey linearly from its own range to 0..255, rounding half up; 8-bit passes as it is."""
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, dtype=np.uint8)
    low, high = int(pixels.min()), int(pixels.max())
    if low == high:
        steps.append(f"constant {low} set to 0")
        return np.zeros(pixels.shape, np.uint8)
    steps.append(f"stretched {low}..{high} to 0..255")
    levels = np.arange(65536).clip(low, high) - low
    span = high - low
    return look_up(((levels * 255 + span // 2) // span).astype(np.uint8), pixels)


def look_up(table: NDArray[np.uint8], index: Pixels) -> NDArray[np.uint8]:
    """Look up each pixel, ``[H, W]`` of indices -> ``[H, W] uint8``, some rows at a time.

    NumPy widens indices to eight bytes each: all at once they would take eight times the memory of the answer.
    """
    out = np.empty(index.shape, np.uint8)
    for rows in _bands(index):
        out[rows] = table[index[rows]]
    return out


def present_levels(index: Pixels, levels: int) -> NDArray[np.bool_]:
    """Whether each level occurs among the pixels, ``[levels]``; see :func:`look_up`."""
    present = np.zeros(levels, bool)
    for rows in _bands(index):
        present[index[rows]] = True
    return present


def _bands(pixels: Pixels) -> Iterator[slice]:
    rows = max(1, _PIXELS_AT_ONCE // max(1, pixels.shape[1]))
    return (slice(top, top + rows) for top in range(0, len(pixels), rows))
