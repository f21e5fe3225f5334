"""Draw arrays as pictures that the page holds within itself."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_run.heatmap import draw_bar, overlay

from .environment import signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from edge_explain.explanation import Regions

LARGE, SMALL = 512, 300
"""Longest side of a picture in pixels: sharp on paper at a third of the page's width."""


class Picture(NamedTuple):
    """A picture as a ``data:`` address, the text for people who cannot see it, and its size in pixels."""

    address: str
    alt: str
    width: int
    height: int


class Scale(NamedTuple):
    """A colour bar from blue, evidence against a class, to orange, evidence for it, and the values along it."""

    bar: Picture
    label: str
    unit: str
    ticks: tuple[str, str, str]


class Dot(NamedTuple):
    """The number of a region, and where it stands in pixels."""

    number: int
    x: int
    y: int


class RegionsPicture(NamedTuple):
    """Regions over their scan, the largest of them numbered."""

    picture: Picture
    dots: tuple[Dot, ...]


def picture(image: NDArray[np.uint8], alt: str) -> Picture:
    """Encode an image ``[H, W]`` or ``[H, W, 3] uint8`` BGR as PNG."""
    encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
    address = f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"
    return Picture(address, alt, image.shape[1], image.shape[0])


def resized(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """Resize a scan ``[H, W] uint8`` so that its longer side has ``longest`` pixels."""
    scale = longest / max(pixels.shape)
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


def map_picture(
    pixels: NDArray[np.uint8],
    values: NDArray[np.float32],
    limit: float,
    alt: str,
    *,
    longest: int = SMALL,
    line: int = 1,
) -> Picture:
    """Draw a signed map over its scan; see :func:`edge_run.heatmap.overlay`."""
    grey = resized(pixels, longest)
    out = np.empty((*grey.shape, 3), np.uint8)
    overlay(grey, values, limit, line=line, out=out)
    return picture(out, alt)


def scale(limit: float, label: str, unit: str, form: str = "+.3g") -> Scale:
    """Draw the colour bar of maps of a class, whose scale ends at ``limit``."""
    upright = np.empty((240, 18, 3), np.uint8)
    draw_bar(upright)
    flat = np.ascontiguousarray(np.rot90(upright, -1))
    low, high = signed(-limit, form), signed(limit, form)
    return Scale(picture(flat, f"colour scale from {low} to {high}"), label, unit, (low, "0", high))


def regions_picture(
    pixels: NDArray[np.uint8], regions: Regions, limit: float, numbered: Sequence[int], alt: str
) -> RegionsPicture:
    """Colour regions by their values over the scan, and number those in ``numbered`` from 1."""
    grey = resized(pixels, LARGE)
    height, width = grey.shape
    segments = cv2.resize(regions.segments.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST)
    out = np.empty((height, width, 3), np.uint8)
    overlay(grey, regions.values.astype(np.float32)[segments], limit, line=0, out=out)
    edge = np.zeros((height, width), np.bool_)
    edge[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    edge[1:] |= segments[1:] != segments[:-1]
    out[edge] = (out[edge] * 0.6 + 0.4 * 255).astype(np.uint8)
    dots = tuple(Dot(number, *innermost(np.asarray(segments == region))) for number, region in enumerate(numbered, 1))
    return RegionsPicture(picture(out, alt), dots)


def innermost(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """Find the pixel of a region that is furthest from its edge, ``(x, y)``; its centre may lie outside of it."""
    depth = np.asarray(cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)
