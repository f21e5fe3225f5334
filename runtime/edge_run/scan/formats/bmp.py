"""BMP: Microsoft's BITMAPFILEHEADER, then BITMAPCOREHEADER or BITMAPINFOHEADER and its successors."""

from __future__ import annotations

import struct
from typing import NamedTuple

from edge_run.scan.formats.header import FormatError, Header, most_padding

_CORE_HEADER, _V5_HEADER = 12, 124
_UNCOMPRESSED, _RUN_LENGTHS, _MASKED = (0,), (1, 2), (3,)


class _Layout(NamedTuple):
    width: int
    height: int
    bits: int
    compression: int
    data_bytes: int


def parse(data: bytes) -> Header:
    """Read the size and the bits per pixel."""
    layout = _layout(data)
    known = layout.compression in _UNCOMPRESSED + _RUN_LENGTHS + _MASKED
    if not known or layout.bits not in (1, 4, 8, 16, 24, 32):
        raise FormatError(
            f"is a BMP of {layout.bits} bits per pixel, compression {layout.compression}: not supported",
            hint="Export the scan as PNG.",
        )
    colour = "palette" if layout.bits <= 8 else "RGB"
    return Header("BMP", layout.width, layout.height, min(layout.bits, 8), colour, alpha=layout.bits == 32)


def require_whole(data: bytes) -> None:
    """Refuse a BMP whose pixel data reaches beyond the end of the file, or which has more than its header says."""
    (offset,) = struct.unpack_from("<I", data, 10)
    layout = _layout(data)
    surplus = len(data) - offset - layout.data_bytes
    if surplus < 0:
        raise FormatError("is truncated: the BMP's pixel data reaches beyond the end of the file")
    if layout.compression not in _RUN_LENGTHS:
        surplus -= _profile_bytes(data)
        if surplus > most_padding(layout.data_bytes // layout.height, 4 * layout.height):
            raise FormatError(f"contradicts itself: the BMP has {surplus} bytes more than its header says")


def _profile_bytes(data: bytes) -> int:
    """Size of the colour profile, which lies behind the pixel data (BITMAPV5HEADER)."""
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    return int(struct.unpack_from("<I", data, 14 + 116)[0]) if header_bytes == _V5_HEADER else 0


def _layout(data: bytes) -> _Layout:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == _CORE_HEADER:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = stored = 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, 18)
    # A negative height means rows from the top; uncompressed rows are padded to four bytes.
    height = abs(height)
    row = (width * bits + 31) // 32 * 4
    return _Layout(width, height, bits, compression, stored if compression in _RUN_LENGTHS else row * height)
