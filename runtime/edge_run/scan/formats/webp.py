"""WebP: RFC 9649 (container), RFC 6386 section 9.1 (lossy frame header)."""

from __future__ import annotations

import struct

from edge_run.scan.formats import tiff
from edge_run.scan.formats.header import MAX_SEGMENTS, FormatError, Header

_ALPHA, _ANIMATION = 0x10, 0x02
_AS_PNG = "Export the scan as PNG or JPEG."


def parse(data: bytes) -> Header:
    """Read the size from the first chunk: lossy, lossless or extended."""
    kind = data[12:16]
    if data[8:12] != b"WEBP" or kind not in (b"VP8 ", b"VP8L", b"VP8X"):
        raise FormatError("is a RIFF file but not a WebP image", hint=_AS_PNG)
    if kind == b"VP8X":
        return _extended(data)
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", data, 21)
        width, height, alpha = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, bool(packed >> 28 & 1)
        return Header("WebP", width, height, 8, "RGB", alpha=alpha)
    width, height = struct.unpack_from("<HH", data, 26)
    return Header("WebP", width & 0x3FFF, height & 0x3FFF, 8, "RGB")


def require_whole(data: bytes) -> None:
    """Refuse a WebP that is shorter than its RIFF header says."""
    if struct.unpack_from("<I", data, 4)[0] + 8 > len(data):
        raise FormatError("is truncated: the WebP is shorter than its header says")


def _extended(data: bytes) -> Header:
    flags, canvas = struct.unpack_from("<B3x6s", data, 20)
    if flags & _ANIMATION:
        raise FormatError("is an animated WebP, not one scan", hint=_AS_PNG)
    width, height = (int.from_bytes(canvas[side : side + 3], "little") + 1 for side in (0, 3))
    turn = tiff.orientation(_exif(data))
    return Header("WebP", width, height, 8, "RGB", alpha=bool(flags & _ALPHA), orientation=turn)


def _exif(data: bytes) -> bytes:
    position = 12
    for _ in range(MAX_SEGMENTS):
        if position + 8 > len(data):
            return b""
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"EXIF":
            # Some writers keep the prefix that JPEG needs and WebP does not.
            return data[position + 8 : position + 8 + length].removeprefix(b"Exif\0\0")
        position += 8 + length + length % 2
    raise FormatError(f"is a WebP of more than {MAX_SEGMENTS} chunks")
