"""JPEG: ITU-T T.81, annex B; EXIF in its APP1 segment."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from edge_run.scan.formats import tiff
from edge_run.scan.formats.header import MAX_SEGMENTS, FormatError, Header

if TYPE_CHECKING:
    from collections.abc import Iterator

# Inside entropy-coded data FF is followed by 00 (a stuffed FF) or by a restart marker; anything else ends it.
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_APP1, SOS, _EOI = 0xE1, 0xDA, 0xD9
# SOF0 to SOF15, without the DHT, JPG and DAC markers that lie among them.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_COLOURS = {1: "grey", 3: "YCbCr", 4: "CMYK"}
# A progressive JPEG has about ten scans; each costs the decoder a pass over the whole image.
_MAX_SCANS = 100
# A marker may stand behind fill bytes (B.1.1.2). A segment has fewer bytes than this.
_FILL = b"\xff" * 2**16


def parse(data: bytes) -> Header:
    """Read the frame header, and the orientation of an EXIF segment before it."""
    if _FILL in data:
        raise FormatError("is a JPEG of nothing but fill bytes for a long stretch")
    orientation: int | None = None
    for marker, start, length in segments(data):
        if marker == _APP1 and orientation is None and data.startswith(b"Exif\0\0", start):
            orientation = tiff.orientation(data[start + 6 : start + length])
        if marker in FRAMES:
            bits, height, width, channels = struct.unpack_from(">BHHB", data, start)
            if bits != 8:
                raise FormatError(f"is a JPEG of {bits} bits per sample, not 8", hint="Export it as 16-bit PNG.")
            if channels not in _COLOURS:
                raise FormatError(f"is a JPEG of {channels} channels, expected 1, 3 or 4")
            return Header("JPEG", width, height, bits, _COLOURS[channels], orientation=orientation or 1, prints=True)
    raise FormatError("is truncated: the JPEG ends before its frame header")


def require_whole(data: bytes) -> None:
    """Refuse a JPEG whose segments do not lead to the end-of-image marker."""
    markers = [marker for marker, _, _ in segments(data)]
    if SOS not in markers or markers[-1] != _EOI:
        raise FormatError("is truncated: the JPEG does not reach its end-of-image marker")


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of every segment, then the end-of-image marker if it is there.

    Segments are stepped over, so that the end of a thumbnail inside one is not taken for the image's.
    """
    position, scans = 2, 0
    for _ in range(MAX_SEGMENTS):
        found = MARKER.search(data, position)
        if found is None:
            return
        marker, position = data[found.start() + 1], found.end()
        if marker == _EOI:
            yield marker, position, 0
            return
        if position + 2 > len(data):
            return
        (length,) = struct.unpack_from(">H", data, position)
        yield marker, position + 2, length - 2
        position += max(length, 2)
        scans += marker == SOS
        if scans > _MAX_SCANS:
            break
    raise FormatError(f"is a JPEG of more than {_MAX_SCANS} scans or {MAX_SEGMENTS} segments")
