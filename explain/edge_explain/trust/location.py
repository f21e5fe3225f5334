"""Measure where a map's evidence lies: in the patient, or where a network can only have learnt a shortcut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MARGIN = 0.1
"""Width of the outer border, as a share of the side."""
DARKEST = 0.5
"""Air is darker than this share of the grey level midway between what is dark and what is bright (Otsu 1979)."""
FILLED = 0.02
"""Smallest share outside the body: a scan with less is a radiograph, or a slice that is cut to the body."""


class LocationShares(NamedTuple):
    """Shares of a map's positive part, 0 to 1 each: outside the body, and on the outer border of the scan."""

    outside_body: float
    border: float


def evidence_location(map_: NDArray[np.float32], inside: NDArray[np.bool_]) -> LocationShares:
    """Measure the share of a map's positive part outside the body and on the outer border; 0 where nothing is positive.

    Parameters
    ----------
    map_
        ``[h, w] float32``, which is enlarged to the scan.
    inside
        ``[size, size] bool``: see :func:`body`.
    """
    size = inside.shape[0]
    # Enlarged before it is clipped, as it is drawn: a negative place reduces a positive one beside it.
    positive = np.maximum(cv2.resize(map_, (size, size), interpolation=cv2.INTER_LINEAR), 0).astype(np.float64)
    total = float(positive.sum())
    if not total:
        return LocationShares(0.0, 0.0)
    margin = round(MARGIN * size)
    centre = positive[margin : size - margin, margin : size - margin]
    return LocationShares(float(positive[~inside].sum()) / total, 1 - float(centre.sum()) / total)


def body(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find the body in a scan, ``[size, size] uint8 -> bool``; the whole scan where the body fills the frame.

    What is not dark is tissue, and its largest piece is the body; a table is another piece. What the body encloses
    belongs to it: lungs are as dark as air.
    """
    smooth = cv2.medianBlur(pixels, 5)
    _, bright = cv2.threshold(smooth, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    if bright.all() or not bright.any():
        return np.ones(pixels.shape, np.bool_)
    # Otsu's own threshold may lie anywhere between two clear peaks, even as low as the air; their middle does not.
    middle = (smooth[bright == 0].mean() + smooth[bright == 1].mean()) / 2
    tissue = (smooth > DARKEST * middle).astype(np.uint8)
    _, pieces, figures, _ = cv2.connectedComponentsWithStats(tissue, connectivity=4)
    largest = pieces == 1 + int(figures[1:, cv2.CC_STAT_AREA].argmax())
    inside = _filled(largest)
    return np.ones(pixels.shape, np.bool_) if (~inside).mean() < FILLED else inside


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill the holes that reach no corner of the frame: the air outside does, lungs that the frame cuts off do not."""
    _, pieces, _, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    corners = pieces[[0, 0, -1, -1], [0, -1, 0, -1]]
    return np.asarray(~np.isin(pieces, corners[corners > 0]), dtype=np.bool_)
