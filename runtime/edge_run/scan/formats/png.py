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
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_BITS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_MOST_FILTER = 4
# First column and row of each pass, and the steps between them.
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})


def parse(data: bytes) -> Header:
    """Read the IHDR chunk, and whether there is transparency, an animation or an orientation."""
    width, height, bits, colour_type, *methods = struct.unpack_from(">IIBBBBB", data, 16)
    chunks = {kind: (start, length) for kind, start, length in _chunks(data)}
    if data[12:16] != b"IHDR" or bits not in _BITS.get(colour_type, ()) or methods not in ([0, 0, 0], [0, 0, 1]):
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
        # libpng warns of a pixel beyond the palette.
        prints=_COLOURS[colour_type] == "palette",
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
    _require_rows(data)


def needed(data: bytes) -> bytes:
    """Return the file with only the chunks that its pixels need: of the others libpng warns on stderr."""
    chunks = [data[start - 8 : start + length + 4] for kind, start, length in _chunks(data) if kind in _NEEDED]
    return data[:8] + b"".join(chunks)


def _require_rows(data: bytes) -> None:
    """Hold the unpacked pixel data to the header (section 7.2 and 9.2)."""
    width, height, bits, colour_type, interlaced = struct.unpack_from(">IIBBxxB", data, 16)
    bits *= _SAMPLES[colour_type]
    strides = [
        (1 + (columns * bits + 7) // 8, rows)
        for columns, rows in (_passes(width, height) if interlaced else [(width, height)])
        if columns and rows
    ]
    expected = sum(stride * rows for stride, rows in strides)
    packed = b"".join(data[start : start + length] for kind, start, length in _chunks(data) if kind == b"IDAT")
    try:
        rows = zlib.decompressobj().decompress(packed, expected + 1)
    except zlib.error as error:
        raise FormatError("is damaged: the PNG's pixel data cannot be unpacked") from error
    if len(rows) != expected:
        what = "fewer" if len(rows) < expected else "more"
        raise FormatError(f"contradicts itself: the PNG has {what} pixels than its header says")
    begin = 0
    for stride, count in strides:
        if max(rows[begin : begin + stride * count : stride]) > _MOST_FILTER:
            raise FormatError("is damaged: a row of the PNG has no known filter")
        begin += stride * count


def _passes(width: int, height: int) -> list[tuple[int, int]]:
    """Columns and rows of Adam7's passes (section 8.2)."""
    return [(-(-(width - left) // across), -(-(height - top) // down)) for left, top, across, down in _ADAM7]


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
