"""Draw maps, scan and decision as one picture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from . import lettering
from .overlay import draw_bar, overlay
from .wording import Line, footer, headline, member_caption, vote_caption

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest
    from edge_run.voting.prediction import Decision

    from .maps import Maps

    Image = NDArray[np.uint8]

LARGEST, SMALLEST = 4096, 384
"""Longest side of a scan as it is drawn: a larger one is shrunk, a smaller one enlarged by a whole number."""

PAPER, ABSENT = (255, 255, 255), (240, 237, 235)


class Block(NamedTuple):
    """A band across the picture: its height in pixels, and the function that draws on it."""

    height: int
    draw: Callable[[Image], None]


class Grid(NamedTuple):
    """Measures that the bands share, in pixels: size of the letters, space between parts, width of the picture."""

    text: int
    gap: int
    width: int


def draw(pixels: Image, maps: Maps, decision: Decision, manifest: Manifest) -> Image:
    """Draw a scan, the vote's map over it with a colour bar, and under them the map of each member on the same scale.

    Parameters
    ----------
    pixels
        ``[H, W] uint8``: the scan as it was read.
    maps
        The maps of that scan.
    decision
        The answer to it.
    manifest
        Of the bundle that answered.

    Returns
    -------
    ``[h, w, 3] uint8`` BGR, on white. The scan keeps its size where its longer side is between :data:`SMALLEST` and
    :data:`LARGEST` pixels. So the picture takes at most 250 MB of memory, and drawing and writing it as much again.
    """
    grey = _sized(pixels)
    grid = _grid(grey.shape[1])
    blocks = [
        _text(headline(decision, manifest), grid),
        _scans(grey, maps, vote_caption(maps, manifest), grid, pixels.shape),
        _members(grey, maps, decision, manifest, grid),
        _text(footer(maps, manifest), grid),
    ]
    height = sum(block.height for block in blocks) + (len(blocks) - 1) * grid.gap + 2 * grid.gap
    image = np.full((height, grid.width + 2 * grid.gap, 3), PAPER, np.uint8)
    top = grid.gap
    for block in blocks:
        block.draw(image[top : top + block.height, grid.gap : grid.gap + grid.width])
        top += block.height + grid.gap
    return image


def _sized(pixels: Image) -> Image:
    height, width = pixels.shape
    longest = max(height, width)
    if longest > LARGEST:
        scale = LARGEST / longest
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    times = max(1, round(SMALLEST / longest))
    return np.repeat(np.repeat(pixels, times, axis=0), times, axis=1) if times > 1 else pixels


def _grid(scan_width: int) -> Grid:
    text = max(13, round(scan_width / 36))
    return Grid(text, round(1.4 * text), max(2 * scan_width + round(10.8 * text), 52 * text))


def _text(lines: Sequence[Line], grid: Grid) -> Block:
    wrapped = [
        (line, one)
        for line in lines
        for one in lettering.wrap(line.text, line.size(grid.text), grid.width, bold=line.bold)
    ]
    heights = [round(1.45 * line.size(grid.text)) for line, _ in wrapped]

    def write(image: Image) -> None:
        top = 0
        for (line, one), height in zip(wrapped, heights, strict=True):
            size = line.size(grid.text)
            lettering.write(image, one, 0, top + size, size, line.colour, bold=line.bold)
            top += height

    return Block(sum(heights), write)


def _scans(grey: Image, maps: Maps, title: str, grid: Grid, shape: tuple[int, ...]) -> Block:
    height, width = grey.shape
    note = round(1.9 * grid.text)

    def write(image: Image) -> None:
        image[:height, :width] = grey[..., None]
        second = width + grid.gap
        overlay(grey, maps.ensemble, maps.limit, line=_line(grid, 9), out=image[:height, second : second + width])
        caption = partial(
            lettering.caption, image, baseline=height + round(1.3 * grid.text), size=grid.text, room=width
        )
        shown = "" if grey.shape == shape else f", shown at {width} x {height}"
        caption(f"the scan, {shape[1]} x {shape[0]}{shown}", left=0)
        caption(title, left=second)
        third = second + width + grid.gap
        _bar(image[:, third:], maps, grid)

    return Block(max(height, 9 * grid.text) + note, write)


def _bar(image: Image, maps: Maps, grid: Grid) -> None:
    """Draw the colour bar with its class and values, as high as the scan where that leaves room for the text."""
    text = grid.text
    room = image.shape[1]
    top, height = round(2.4 * text), min(len(image) - round(4.3 * text), 30 * text)
    draw_bar(image[top : top + height, : 2 * text])
    caption = partial(lettering.caption, image, left=0, size=text, room=room)
    caption("for", baseline=round(0.8 * text), faint=True)
    caption(maps.label, baseline=round(1.95 * text), bold=True)
    caption("against", baseline=top + height + round(1.2 * text), faint=True)
    for share in (1.0, 0.5, 0.0, -0.5, -1.0):
        y = top + round((1 - share) / 2 * (height - 1))
        image[max(0, y - _line(grid, 16) // 2) :][: _line(grid, 16), 2 * text : round(2.4 * text)] = (120, 120, 120)
        figure = f"{share * maps.limit:+g}" if share else "0"
        lettering.caption(
            image, figure, left=round(2.8 * text), baseline=y + round(0.35 * text), size=text, room=room - 2 * text
        )


def _members(grey: Image, maps: Maps, decision: Decision, manifest: Manifest, grid: Grid) -> Block:
    count = len(manifest.members)
    width = max(1, min((grid.width - (count - 1) * grid.gap) // count, grey.shape[1]))
    height = max(1, round(width * grey.shape[0] / grey.shape[1]))
    step = max(width, (grid.width - (count - 1) * grid.gap) // count) + grid.gap
    small = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def write(image: Image) -> None:
        for place, member in enumerate(manifest.members):
            left = place * step
            panel = image[:height, left : left + width]
            if member.id in maps.members:
                overlay(small, maps.members[member.id], maps.limit, line=_line(grid, 14), out=panel)
            else:
                panel[:] = ABSENT
            caption = partial(lettering.caption, image, left=left, size=grid.text, room=step - grid.gap)
            caption(member.id, baseline=height + round(1.3 * grid.text), bold=True)
            caption(member_caption(member, decision, maps.label), baseline=height + round(2.65 * grid.text), faint=True)

    return Block(height + round(3.2 * grid.text), write)


def _line(grid: Grid, share: int) -> int:
    return max(1, round(grid.text / share))
