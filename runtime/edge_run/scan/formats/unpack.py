"""How many bytes a compressed piece of a TIFF holds, found without keeping them.

OpenCV reads 8-bit TIFFs through libtiff's tolerant interface: what cannot be unpacked comes out black, with
no error. A network answers a black image like any other, so such a piece has to be found before.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from edge_run.scan.formats.header import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

_CLEAR, _END, _FIRST_FREE = 256, 257, 258
# Walking LZW codes takes about a third of a second a megabyte.
_MAX_LZW_BYTES = 16 * 2**20


def _stored(piece: bytes, _: int) -> int:
    return len(piece)


def _deflate(piece: bytes, needed: int) -> int:
    decoder = zlib.decompressobj()
    total = 0
    try:
        while piece and not decoder.eof and total <= needed:
            total += len(decoder.decompress(piece, 2**20))
            piece = decoder.unconsumed_tail
    except zlib.error:
        return -1
    return total


def _pack_bits(piece: bytes, needed: int) -> int:
    """Follow the runs of PackBits (TIFF 6.0, section 9)."""
    position = total = 0
    while position < len(piece) and total < needed:
        count = piece[position]
        if count < 128:
            position += count + 2
            total += count + 1 if position <= len(piece) else 0
        else:
            position += 2 if count > 128 else 1
            total += 257 - count if count > 128 and position <= len(piece) else 0
    return total


def _lzw(piece: bytes, needed: int) -> int:
    """Follow the codes of LZW (TIFF 6.0, section 13), keeping of each string its length alone."""
    if len(piece) > _MAX_LZW_BYTES:
        raise FormatError("is a TIFF with too large a piece of LZW data", hint="Export it without compression.")
    lengths = [1] * 256 + [0, 0]
    total = previous = held = bits = 0
    width = 9
    for byte in piece:
        held, bits = (held << 8 | byte) & 0xFFFFFF, bits + 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits & ((1 << width) - 1)
        if code == _CLEAR:
            del lengths[_FIRST_FREE:]
            previous, width = 0, 9
            continue
        free = len(lengths)
        known = code < free if previous else code < _CLEAR
        if code == _END or total >= needed or not (known or (previous and code == free)):
            break
        length = lengths[code] if code < free else previous + 1
        if previous:
            lengths.append(previous + 1)
            # The width grows one code early.
            width += width < 12 and free + 1 >= (1 << width) - 1
        previous, total = length, total + length
    return total


# By the number of the Compression tag.
UNPACKED_LENGTH: dict[int, Callable[[bytes, int], int]] = {
    1: _stored,
    5: _lzw,
    8: _deflate,
    32773: _pack_bits,
    32946: _deflate,
}
# Those that are followed byte by byte here.
SLOW = frozenset({5, 32773})
