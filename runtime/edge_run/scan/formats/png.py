"""PNG: W3C Portable Network Graphics (third edition), sections 5 and 11."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from edge_run.scan.formats import tiff
from edge_run.scan.formats.header import MAX_SEGMENTS, FormatError, Header

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS = {0: "grey", 2: "RGB", 3: "palette", 4: "grey", 6: "RGB"}
_WITH_ALPHA = (4, 6)


def parse(data: bytes) -> Header:
    """Read the IHDR chunk, and whether there is transparency, an animation or an orientation."""
    width, height, bits, colour_type = struct.unpack_from(">IIBB", data, 16)
    chunks = {kind: (start, length) for kind, start, length in _chunks(data)}
    if data[12:16] != b"IHDR" or colour_type not in _COLOURS:
        raise FormatError("is a PNG whose header is damaged")
    if b"acTL" in chunks:
        raise FormatError("is an animated PNG, not one scan", hint="Export the frame to be read on its own.")
    start, length = chunks.get(b"eXIf", (0, 0))
    return Header(
        format="PNG",
        width=width,
        height=height,
        bits=bits,
        colour=_COLOURS[colour_type],
        alpha=colour_type in _WITH_ALPHA or b"tRNS" in chunks,
        orientation=tiff.orientation(data[start : start + length]),
    )


def require_whole(data: bytes) -> None:
    """Refuse a PNG whose chunks do not lead to IEND, or one of whose checksums does not hold."""
    view, last = memoryview(data), b""
    for kind, start, length in _chunks(data):
        (expected,) = struct.unpack_from(">I", data, start + length)
        if zlib.crc32(view[start - 4 : start + length]) != expected:
            name = kind.decode("ascii", "replace")
            raise FormatError(f"is damaged: the checksum of its {name!r} chunk does not hold")
        last = kind
    if last != b"IEND":
        raise FormatError("is truncated: the PNG does not reach its IEND chunk")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and length of every chunk that lies within the file, up to IEND."""
    position = 8
    for _ in range(MAX_SEGMENTS):
        if position + 12 > len(data):
            return
        length, kind = struct.unpack_from(">I4s", data, position)
        if position + 12 + length > len(data):
            return
        yield kind, position + 8, length
        position += 12 + length
        if kind == b"IEND":
            return
    raise FormatError(f"is a PNG of more than {MAX_SEGMENTS} chunks")
