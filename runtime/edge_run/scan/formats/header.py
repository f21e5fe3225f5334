"""What an image file's header says, before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

# Enough for 4 KiB pieces up to the limit on file size; more is an attempt to keep a parser busy.
MAX_SEGMENTS = 100_000


class FormatError(ValueError):
    """A file is no image edge-run reads; the message continues a sentence that starts with its name."""

    def __init__(self, why: str, *, hint: str = "Copy or export the file again.") -> None:
        super().__init__(why)
        self.hint = hint


def most_padding(width: int, height: int) -> int:
    """Return how many bytes may follow pixel data: fewer than a size that is wrong by a row or a column leaves."""
    return min(width, height, 16) - 1


@dataclass(frozen=True)
class Header:
    """Size and kind of an encoded image.

    Attributes
    ----------
    format
        ``PNG``, ``JPEG``, ``BMP``, ``TIFF``, ``WebP`` or ``PNM``.
    width, height
        Pixels, as stored (before any orientation).
    bits
        Bits per sample, as stored.
    colour
        ``grey``, ``palette``, ``RGB``, ``YCbCr`` or ``CMYK``.
    alpha
        Whether there is a transparency channel (or transparent colour).
    orientation
        EXIF orientation, 1 to 8.
    turned_by_decoder
        OpenCV applies the orientation itself, whatever its flags say.
    inverted
        White is stored as zero and OpenCV leaves it so.
    slow
        Checking that the file is whole takes a third of a second a megabyte.
    prints
        The decoder may write to stderr.
    decode
        Decodes the whole file, and refuses one that is not whole; None where OpenCV decodes it.
    """

    format: str
    width: int
    height: int
    bits: int
    colour: str
    alpha: bool = False
    orientation: int = 1
    turned_by_decoder: bool = False
    inverted: bool = False
    slow: bool = False
    prints: bool = False
    decode: Callable[[bytes], NDArray[np.unsignedinteger[Any]]] | None = None
