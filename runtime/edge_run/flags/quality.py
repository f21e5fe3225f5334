"""Flags of image quality, which need no network.

The limits are fixed and not fitted: each describes a defect, and none may depend on which hospital's scans were
available. ``docs/decisions.md`` says how often each is raised on the validation scans: hardly ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.voting.prediction import Flag

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALLEST = 64
"""Pixels on the shorter side. A network input of 224 made of fewer than a third of that holds no fine structure."""

CONTRAST = 24
"""Grey levels between the 1st and the 99th percentile; fewer is a blank image."""

CLIPPED = 0.85
"""Share of pixels within `NEAR` of black or white; above it, the image is clipped."""

NEAR = 3
FILLED = 0.35
"""Least share of the image that its content takes up: the box around all rows and columns that are not of one grey."""

OPPOSITE = -0.4
"""Correlation with the mean training scan; below it, light and dark are exchanged."""

TYPICAL_SIDE = 32
"""Side of the mean training scan, pixels."""


def quality_flags(pixels: NDArray[np.uint8], typical: NDArray[np.float64] | None = None) -> tuple[Flag, ...]:
    """Find defects of an image.

    Parameters
    ----------
    pixels
        The scan as it was read, ``[H, W] uint8``.
    typical
        The mean training scan from :func:`standardised`, ``[32, 32]``; None: an inverted image is not looked for.
    """
    height, width = pixels.shape
    flags = []
    if min(height, width) < SMALLEST:
        flags.append(Flag("too-small", f"the image is {width}x{height}, less than {SMALLEST} on a side"))
    counts = _histogram(pixels)
    contrast = _contrast(counts)
    if contrast < CONTRAST:
        words = f"the image is blank: nearly all of it lies within {contrast} grey levels of 255"
        return (*flags, Flag("blank", words))
    extreme = float(counts[: NEAR + 1].sum() + counts[-NEAR - 1 :].sum()) / pixels.size
    if extreme > CLIPPED:
        flags.append(Flag("clipped", f"{extreme:.0%} of the image is black or white with nothing between"))
    filled = content(pixels)
    if filled < FILLED:
        flags.append(Flag("mostly-border", f"only {filled:.0%} of the image is picture, the rest is empty border"))
    if typical is not None and (like := float((standardised(pixels) * typical).mean())) < OPPOSITE:
        words = f"light and dark look exchanged (correlation {like:.2f} with the mean training scan)"
        flags.append(Flag("inverted", words))
    return tuple(flags)


def content(pixels: NDArray[np.uint8]) -> float:
    """Compute the share of the image in the box around all rows and columns with greys `CONTRAST` or more apart."""
    share = 1.0
    for axis in (0, 1):
        varied = np.flatnonzero(pixels.max(axis=axis) >= pixels.min(axis=axis).astype(int) + CONTRAST)
        share *= (varied[-1] - varied[0] + 1) / pixels.shape[1 - axis] if len(varied) else 0.0
    return float(share)


def standardised(pixels: NDArray[np.uint8], side: int = TYPICAL_SIDE) -> NDArray[np.float64]:
    """Shrink to ``[side, side] float64`` of mean 0 and deviation 1: the mean product of two is their correlation."""
    small = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64)
    deviation = float(small.std())
    return np.asarray((small - small.mean()) / deviation if deviation > 0 else np.zeros_like(small), dtype=np.float64)


def _histogram(pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    # np.bincount would first make eight bytes of every pixel.
    found = cv2.calcHist([np.ascontiguousarray(pixels)], [0], None, [256], [0, 256])
    return np.asarray(found.ravel(), dtype=np.int64)


def _contrast(counts: NDArray[np.int64]) -> int:
    """Grey levels between the 1st and the 99th percentile."""
    reached = np.cumsum(counts) / counts.sum()
    return int(np.searchsorted(reached, 0.99) - np.searchsorted(reached, 0.01))
