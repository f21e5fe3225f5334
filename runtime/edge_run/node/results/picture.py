"""The picture of an answer: the slices that decided beside their heatmaps, or words where there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from edge_run.heatmap import draw_bar, lettering, overlay

from . import codes, wording
from .answer import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from edge_run.heatmap.lettering import Colour

    from .answer import DecidingSlice
    from .context import Context

    Image = NDArray[np.uint8]

WIDTH, MARGIN, GAP, SIZE = 1200, 28, 14, 17
"""Width of the picture, its border, the space between parts and the size of its letters, in pixels."""
BAR = 150
MAX_SHOWN, MAX_SIDE = 3, 512
BRIGHT, FAINT, WARNING = (240, 240, 240), (165, 165, 165), (90, 200, 255)
"""Colours of text on black, BGR; viewers show such a picture among black images."""


class Line(NamedTuple):
    """A line of text, wrapped at the width of the picture."""

    text: str
    colour: Colour = BRIGHT
    bold: bool = False
    size: int = SIZE


def draw(context: Context) -> Image:
    """Draw the picture of an answer.

    Returns
    -------
    ``[H, 1200, 3] uint8`` RGB, on black.
    """
    shown = [one for one in context.answer.deciding[:MAX_SHOWN] if one.pixels.size]
    blocks = [_text(_above(context))]
    if shown:
        blocks.append(_panels(context, shown))
    blocks.append(_text(_below(context, len(shown))))
    height = sum(rows for rows, _ in blocks) + GAP * (len(blocks) - 1) + 2 * MARGIN
    image = np.zeros((height + height % 2, WIDTH, 3), np.uint8)
    top = MARGIN
    for rows, paint in blocks:
        paint(image[top : top + rows, MARGIN : WIDTH - MARGIN])
        top += rows + GAP
    return np.ascontiguousarray(image[:, :, ::-1])


def _above(context: Context) -> list[Line]:
    answer = context.answer
    sure = answer.finding is not Finding.INDETERMINATE
    lines = [Line(wording.headline(answer), BRIGHT if sure else WARNING, bold=True, size=2 * SIZE)]
    lines.append(Line(wording.subject(context), FAINT))
    if said := wording.probability(answer):
        lines.append(Line(said, size=SIZE + 5))
    lines.append(Line(wording.STATUS, WARNING, bold=True))
    lines += [Line(reason, WARNING) for reason in wording.reasons(answer)]
    lines += [Line(text) for text in (wording.version(context),) if text]
    return lines


def _below(context: Context, shown: int) -> list[Line]:
    answer, lines = context.answer, []
    if shown:
        name = codes.finding_code(answer.positive).meaning
        more = (answer.decided or len(answer.deciding)) > shown
        which = f" {shown} of them {'is' if shown == 1 else 'are'} shown." if more else ""
        lines.append(Line(f"{wording.basis(answer)}{which}"))
        lines.append(
            Line(
                f"Orange is evidence for {name}, blue is evidence against it. Solid lines surround strong evidence "
                "for, dashed lines strong evidence against. The map shows where the networks looked; it does not "
                "outline a lesion. The percentage below an image is that image's probability alone.",
                FAINT,
            )
        )
    else:
        lines.append(Line("No image is shown, because no image was answered. Read the series without this answer."))
    lines.append(Line(context.proof.intended_use, WARNING))
    return lines + [Line(text, FAINT, size=SIZE - 3) for text in wording.provenance(context.proof)]


def _text(lines: Sequence[Line]) -> tuple[int, Callable[[Image], None]]:
    wrapped = [
        (line, one)
        for line in lines
        for one in lettering.wrap(line.text, line.size, WIDTH - 2 * MARGIN, bold=line.bold)
    ]

    def paint(image: Image) -> None:
        top = 0
        for line, one in wrapped:
            lettering.write(image, one, 0, top + line.size, line.size, line.colour, bold=line.bold)
            top += round(1.45 * line.size)

    return sum(round(1.45 * line.size) for line, _ in wrapped), paint


def _panels(context: Context, shown: Sequence[DecidingSlice]) -> tuple[int, Callable[[Image], None]]:
    """Lay out images above their maps; a single image beside its map."""
    single = len(shown) == 1
    columns = 2 if single else len(shown)
    room = WIDTH - 2 * MARGIN - BAR - GAP * columns
    side = min(MAX_SIDE, room // columns)
    sizes = [_fitted(one.pixels.shape, side) for one in shown]
    tallest, note = max(height for height, _ in sizes), 2 * SIZE

    def paint(image: Image) -> None:
        for place, (one, (height, width)) in enumerate(zip(shown, sizes, strict=True)):
            grey = _resized(one.pixels, height, width)
            left = 0 if single else place * (side + GAP)
            second = (0, left + side + GAP) if single else (tallest + note, left)
            image[:height, left : left + width] = grey[..., None]
            _map(image[second[0] : second[0] + height, second[1] : second[1] + width], grey, one)
            source = context.source.image(one.instance_uid)
            caption = lettering.fit(wording.slice_caption(source, one.frame, one.probability), SIZE, side)
            lettering.write(image, caption, left, height + SIZE + 4, SIZE, BRIGHT)
            lettering.write(image, "heatmap", second[1], second[0] + height + SIZE + 4, SIZE, FAINT)
        _bar(image[:, -BAR:][: max(tallest, 200)], context, shown)

    return (tallest + note) * (1 if single else 2), paint


def _map(out: Image, grey: Image, one: DecidingSlice) -> None:
    if one.maps is None:
        lettering.write(out, "no heatmap", 12, out.shape[0] // 2, SIZE, FAINT)
    else:
        overlay(grey, one.maps.ensemble, one.maps.limit, line=2, out=out)


def _bar(image: Image, context: Context, shown: Sequence[DecidingSlice]) -> None:
    if all(one.maps is None for one in shown):
        return
    top, bottom = round(2.2 * SIZE), image.shape[0] - round(1.6 * SIZE)
    draw_bar(image[top:bottom, : 2 * SIZE])
    name = lettering.fit(codes.finding_code(context.answer.positive).meaning, SIZE, BAR - 2)
    lettering.write(image, "evidence for", 0, SIZE - 4, SIZE - 2, FAINT)
    lettering.write(image, name, 0, 2 * SIZE - 4, SIZE, BRIGHT, bold=True)
    lettering.write(image, "none", round(2.5 * SIZE), (top + bottom) // 2 + SIZE // 3, SIZE - 2, FAINT)
    lettering.write(image, "against", 0, bottom + SIZE, SIZE - 2, FAINT)


def _fitted(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    scale = side / max(shape[:2])
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _resized(pixels: Image, height: int, width: int) -> Image:
    smaller = height < pixels.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)
