"""Arrays -> pictures inside the page."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.heatmap import bar, overlay

from .html import Markup, el

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_explain.explanation import Regions

LARGE, SMALL = 512, 300
"""Longest side of a picture, pixels: sharp on paper at a third of the page's width."""


def sized(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A scan ``[H, W]`` in its own aspect, its longer side so many pixels."""
    scale = longest / max(pixels.shape)
    height, width = (max(1, round(side * scale)) for side in pixels.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)


def picture(image: NDArray[np.uint8], alt: str) -> Markup:
    """An ``<img>`` that holds its file."""
    return el("img", src=data(image), alt=alt, width=image.shape[1], height=image.shape[0])


def data(image: NDArray[np.uint8]) -> str:
    """A ``data:`` address of a PNG."""
    encoded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1]
    return f"data:image/png;base64,{base64.b64encode(encoded.tobytes()).decode()}"


def mapped(
    pixels: NDArray[np.uint8],
    values: NDArray[np.float32],
    limit: float,
    alt: str,
    *,
    longest: int = SMALL,
    line: int = 1,
) -> Markup:
    """A signed map over its scan."""
    grey = sized(pixels, longest)
    out = np.empty((*grey.shape, 3), np.uint8)
    overlay(grey, values, limit, line=line, out=out)
    return picture(out, alt)


def scale(limit: float, label: str, unit: str, figure: str = "+.3g") -> Markup:
    """The colour bar: against on the left, for on the right, and its figures."""
    upright = np.empty((240, 18, 3), np.uint8)
    bar(upright)
    flat = np.ascontiguousarray(np.rot90(upright, -1))
    ticks = (f"{-limit:{figure}}".replace("-", "\u2212"), "0", f"{limit:{figure}}")
    return el(
        "div",
        el("span", "against", class_="against"),
        el(
            "span",
            picture(flat, f"colour scale from {ticks[0]} to {ticks[2]}"),
            *(el("i", t) for t in ticks),
            class_="bar",
        ),
        el("span", "for ", el("b", label), class_="for"),
        el("span", unit, class_="unit"),
        class_="scale",
    )


def regions(pixels: NDArray[np.uint8], found: Regions, limit: float, numbered: list[int], alt: str) -> Markup:
    """Regions coloured by their values over the scan, the largest of them numbered from 1."""
    grey = sized(pixels, LARGE)
    height, width = grey.shape
    segments = cv2.resize(found.segments.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST)
    out = np.empty((height, width, 3), np.uint8)
    overlay(grey, found.values.astype(np.float32)[segments], limit, line=0, out=out)
    edge = np.zeros((height, width), np.bool_)
    edge[:, 1:] |= segments[:, 1:] != segments[:, :-1]
    edge[1:] |= segments[1:] != segments[:-1]
    out[edge] = (out[edge] * 0.6 + 0.4 * 255).astype(np.uint8)
    labels = []
    for number, region in enumerate(numbered, 1):
        x, y = inmost(np.asarray(segments == region))
        labels += [
            el("circle", cx=x, cy=y, r=15, class_="dot"),
            el("text", number, x=x, y=y + 6, class_="number"),
        ]
    return el(
        "svg",
        el("title", alt),
        el("image", href=data(out), width=width, height=height),
        *labels,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_label=alt,
        class_="regions",
    )


def inmost(inside: NDArray[np.bool_]) -> tuple[int, int]:
    """The place of a region furthest from its edge, ``(x, y)``: its centre may lie outside of it."""
    depth = np.asarray(cv2.distanceTransform(np.pad(inside, 1).astype(np.uint8), cv2.DIST_L2, 3))[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(x), int(y)
