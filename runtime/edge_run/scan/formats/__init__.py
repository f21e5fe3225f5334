"""Know an image from its bytes: format, size and completeness, without decoding it.

The size has to be known before a decoder allocates for it, and a cut file has to be found before a decoder
fills what is missing with grey (OpenCV 4.9 does, without a word, for JPEG).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from edge_run.scan.formats import bmp, jpeg, png, pnm, tiff, webp
from edge_run.scan.formats.header import FormatError, Header

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FormatError", "Header", "pixels_alone", "require_whole", "sniff"]

_FORMATS: tuple[tuple[bytes, Callable[[bytes], Header], Callable[[bytes], None]], ...] = (
    (b"\x89PNG\r\n\x1a\n", png.parse, png.require_whole),
    (b"\xff\xd8\xff", jpeg.parse, jpeg.require_whole),
    (b"BM", bmp.parse, bmp.require_whole),
    (b"II*\0", tiff.parse, tiff.require_whole),
    (b"MM\0*", tiff.parse, tiff.require_whole),
    (b"RIFF", webp.parse, webp.require_whole),
    (b"P5", pnm.parse, pnm.require_whole),
    (b"P6", pnm.parse, pnm.require_whole),
)

_AS_PNG = "Export the scan as PNG or JPEG."
_AS_TIFF = "Export the scan as an ordinary TIFF or PNG."
# Files that are met in practice and are not read: (offset, signature, what it is, hint).
_KNOWN = (
    (0, b"version https://git-lfs", "is a Git LFS pointer, not the file it stands for", "git lfs pull"),
    (0, b"GIF8", "is a GIF", _AS_PNG),
    (0, b"%PDF", "is a PDF", _AS_PNG),
    (0, b"PK\x03\x04", "is a ZIP archive", "Unpack it and give the folder."),
    (0, b"\x1f\x8b", "is compressed with gzip", "Unpack it first; of a NIfTI volume, export slices as PNG."),
    (0, b"\x00\x00\x00\x0cjP  ", "is a JPEG 2000 file", _AS_PNG),
    (4, b"ftyp", "is a HEIC, AVIF or video file", _AS_PNG),
    (0, b"II+\0", "is a BigTIFF", _AS_TIFF),
    (0, b"MM\0+", "is a BigTIFF", _AS_TIFF),
)


def sniff(data: bytes) -> Header:
    """Parse the header of an encoded image.

    Parameters
    ----------
    data
        The whole file.

    Raises
    ------
    FormatError
        No format edge-run reads, a header that is cut or makes no sense, or several images in one file.
    """
    for offset, signature, what, hint in _KNOWN:
        if data.startswith(signature, offset):
            raise FormatError(what, hint=hint)
    for signature, parse, _ in _FORMATS:
        if data.startswith(signature):
            try:
                header = parse(data)
            except struct.error as error:
                raise FormatError("is truncated: it ends inside its header") from error
            if header.width < 1 or header.height < 1:
                raise FormatError(f"has no pixels: its header says {header.width}x{header.height}")
            return header
    kind = "is a text file, not an image" if _is_text(data[:512]) else "is not an image edge-run can read"
    raise FormatError(kind, hint="Give a PNG, JPEG, BMP, TIFF, WebP or binary PGM file.")


def require_whole(data: bytes) -> None:
    """Refuse a file that :func:`sniff` knows but that is cut or damaged.

    Raises
    ------
    FormatError
        The data ends before the image does, or a checksum does not hold.
    """
    for signature, _, require in _FORMATS:
        if data.startswith(signature):
            require(data)
            return


def pixels_alone(data: bytes) -> bytes:
    """Return a file without what its pixels do not need and a decoder would complain about."""
    return png.needed(data) if data.startswith(_FORMATS[0][0]) else data


def _is_text(start: bytes) -> bool:
    return all(byte >= 32 or byte in b"\t\n\r\f" for byte in start)
