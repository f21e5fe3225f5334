"""Size and completeness of a compressed frame, before a decoder sees it.

Decoders write where the codestream says, and callers read where the DICOM header says: the two have to agree. A
decoder fills what is missing at the end of a frame with grey, which a network answers like any other.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from edge_run.scan.formats.header import FormatError

if TYPE_CHECKING:
    from .layout import Layout

_END = b"\xff\xd9"
_JPEG, _J2K = b"\xff\xd8", b"\xff\x4f\xff\x51"
_START_OF_TILE, _START_OF_DATA = b"\xff\x90", b"\xff\x93"
_NO_PACKET = re.compile(rb"\xff[\x94-\xff]")
_MOST_ZEROS = 64
_HEADER = 4096
_TWO_PICTURES = re.compile(rb"\xff\xd9\0*(?:\xff\xd8\xff|\xff\x4f\xff\x51)")
# T.81 B.1.1.3, SOF0 to SOF15 but DHT, JPG and DAC; T.87 C.1.1, SOF55 of JPEG-LS.
_FRAMES = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
_MARKER = re.compile(rb"\xff+([^\xff\0])")
_MAX_SEGMENTS = 1000


def require_match(frame: bytes, layout: Layout) -> None:
    """Hold a frame to the header.

    Raises
    ------
    FormatError
        It is cut, or of another size than the header says.
    """
    # JPEG 2000 may lie in a JP2 file of its own.
    start = -1 if frame.startswith(_JPEG) else frame.find(_J2K, 0, _HEADER)
    size = _jpeg(frame) if frame.startswith(_JPEG) else _jpeg2000(frame[start:]) if start >= 0 else None
    if size is None:
        raise FormatError("is a DICOM file whose compressed pixel data has no readable header")
    if size != (layout.columns, layout.rows, layout.samples):
        raise FormatError(
            f"contradicts itself about its size: {layout.columns}x{layout.rows}x{layout.samples} "
            f"in its DICOM header, {'x'.join(map(str, size))} in its compressed pixel data"
        )
    if start >= 0:
        _require_plausible(frame[start:])
    if _TWO_PICTURES.search(frame):
        raise FormatError("contradicts itself: more than one picture in a frame of the DICOM file")
    if not frame.rstrip(b"\0\xff").endswith(_END):
        raise FormatError("is truncated: the compressed pixel data of the DICOM file does not reach its end")


def _require_plausible(codestream: bytes) -> None:
    """Refuse JPEG 2000 packets that no encoder writes; their data carries no checksum, so that much damage passes.

    Arithmetic coding leaves no run of zeros, and no two bytes from FF90 to FFFF but markers (T.800 B.10.1, C.2.2).
    """
    body = codestream[codestream.find(_START_OF_DATA) + 2 :].rstrip(b"\0")
    several_tiles = _START_OF_TILE in body
    # Empty packets are a zero byte each; flat tiles may have dozens.
    zeros = bytes(_MOST_ZEROS * (8 if several_tiles else 1))
    # Headers of further tiles may hold anything.
    if zeros in body or not (several_tiles or _NO_PACKET.search(body[:-2]) is None):
        raise FormatError("is damaged: the JPEG 2000 data of the DICOM file is not what an encoder writes")


def _jpeg(frame: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG or JPEG-LS frame header."""
    position = 2
    for _ in range(_MAX_SEGMENTS):
        found = _MARKER.match(frame, position)
        if found is None or found.end() + 8 > len(frame):
            return None
        length, _, height, width, components = struct.unpack_from(">HBHHB", frame, found.end())
        if found[1][0] in _FRAMES:
            return width, height, components
        position = found.end() + max(length, 2)
    return None


def _jpeg2000(frame: bytes) -> tuple[int, int, int] | None:
    """Width, height and components of a JPEG 2000 image and tile size marker segment (T.800 A.5.1)."""
    if len(frame) < 42:
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, 8)
    (components,) = struct.unpack_from(">H", frame, 40)
    return right - left, bottom - top, components
