"""Write text on pictures, with OpenCV 5's typeface, or with OpenCV 4's strokes, drawn large and then shrunk."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Colour = tuple[int, int, int]
INK, FAINT_INK, ALARM = (38, 32, 28), (112, 102, 94), (32, 32, 186)

_FINER = 4


def write(
    image: NDArray[np.uint8], text: str, left: int, baseline: int, size: int, colour: Colour, *, bold: bool = False
) -> None:
    """Write one line.

    Parameters
    ----------
    image
        ``[H, W, 3] uint8`` BGR, which is drawn on.
    text
        The line.
    left, baseline
        Where it begins, in pixels.
    size
        Size of the letters in pixels.
    colour, bold
        How it looks.
    """
    text = plain(text)
    if hasattr(cv2, "FontFace"):
        cv2.putText(image, text, (left, baseline), colour, _face(), size, _weight(bold=bold))
        return
    top, bottom = max(0, baseline - 2 * size), min(len(image), baseline + size)
    right = min(image.shape[1], left + width(text, size, bold=bold) + size)
    canvas = np.zeros(((bottom - top) * _FINER, (right - left) * _FINER), np.uint8)
    scale, stroke = _strokes(size, bold=bold)
    at = (0, (baseline - top) * _FINER)
    cv2.putText(canvas, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, stroke, cv2.LINE_AA)
    ink = np.asarray(cv2.resize(canvas, (right - left, bottom - top), interpolation=cv2.INTER_AREA)) / 255
    under = image[top:bottom, left:right]
    under[:] = np.rint(under + ink[..., None] * (np.asarray(colour) - under.astype(np.float64)))


def width(text: str, size: int, *, bold: bool = False) -> int:
    """Return the width of a line in pixels."""
    text = plain(text)
    if hasattr(cv2, "FontFace"):
        box: Any = cv2.getTextSize((0, 0), text, (0, 0), _face(), size, _weight(bold=bold))
        return int(box[0] + box[2])
    (across, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, *_strokes(size, bold=bold))
    return -(-across // _FINER)


def caption(
    image: NDArray[np.uint8],
    text: str,
    *,
    left: int,
    baseline: int,
    size: int,
    room: int,
    bold: bool = False,
    faint: bool = False,
) -> None:
    """Write as much of a line as fits into ``room`` pixels from ``left``."""
    line = fit(text, size, room, bold=bold)
    write(image, line, left, baseline, size, FAINT_INK if faint else INK, bold=bold)


def fit(text: str, size: int, room: int, *, bold: bool = False) -> str:
    """Cut a line that is too long, and end it with dots."""
    text = plain(text)
    if width(text, size, bold=bold) <= room:
        return text
    while text and width(f"{text}...", size, bold=bold) > room:
        text = text[:-1]
    return f"{text}..." if text else ""


def wrap(text: str, size: int, room: int, *, bold: bool = False) -> Iterator[str]:
    """Break a text into lines of at most ``room`` pixels."""
    line = ""
    for word in plain(text).split():
        longer = f"{line} {word}".lstrip()
        if line and width(longer, size, bold=bold) > room:
            yield line
            longer = word
        line = fit(longer, size, room, bold=bold)
    if line:
        yield line


def plain(text: str, longest: int = 400) -> str:
    """Replace what cannot be drawn, and cut what is longer than ``longest``: labels and names come from bundles."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text[:longest])


@functools.cache
def _face() -> Any:  # noqa: ANN401 - a class that OpenCV 4 lacks
    return cv2.FontFace("sans")


def _weight(*, bold: bool) -> int:
    return 650 if bold else 400


def _strokes(size: int, *, bold: bool) -> tuple[float, int]:
    """Return the scale of the Hershey font, whose capitals are 21 units high, and the width of its strokes."""
    return 0.72 * size * _FINER / 21, max(1, round(size * _FINER * (0.12 if bold else 0.08)))
