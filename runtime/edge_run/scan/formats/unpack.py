"""Compressed pieces of a TIFF, unpacked up to a bound (TIFF 6.0, sections 9 and 13; Adobe's deflate)."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLEAR, _END, _FIRST_FREE = 256, 257, 258


def _stored(piece: bytes, _: int) -> bytes:
    return piece


def _deflate(piece: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj().decompress(piece, most + 1)
    except zlib.error:
        return b""


def _pack_bits(piece: bytes, most: int) -> bytes:
    """Follow the runs of PackBits."""
    position, out = 0, bytearray()
    while position < len(piece) and len(out) <= most:
        count = piece[position]
        if count < 128:
            position += count + 2
            out += piece[position - count - 1 : position] if position <= len(piece) else b""
        else:
            position += 2 if count > 128 else 1
            out += piece[position - 1 : position] * (257 - count) if count > 128 and position <= len(piece) else b""
    return bytes(out)


def _lzw(piece: bytes, most: int) -> bytes:
    """Follow the codes of LZW."""
    strings = [bytes([value]) for value in range(256)] + [b"", b""]
    out: list[bytes] = []
    previous = b""
    total = held = bits = 0
    width = 9
    for byte in piece:
        held, bits = (held << 8 | byte) & 0xFFFFFF, bits + 8
        if bits < width:
            continue
        bits -= width
        code = held >> bits & ((1 << width) - 1)
        if code == _CLEAR:
            del strings[_FIRST_FREE:]
            previous, width = b"", 9
            continue
        free = len(strings)
        known = code < free if previous else code < _CLEAR
        if code == _END or total > most or not (known or (previous and code == free)):
            break
        string = strings[code] if code < free else previous + previous[:1]
        if previous:
            strings.append(previous + string[:1])
            # The width grows one code early.
            width += width < 12 and free + 1 >= (1 << width) - 1
        out.append(string)
        previous, total = string, total + len(string)
    return b"".join(out)


# By the number of the Compression tag: takes a piece and the most bytes of interest, of which it may return a few more.
UNPACK: dict[int, Callable[[bytes, int], bytes]] = {
    1: _stored,
    5: _lzw,
    8: _deflate,
    32773: _pack_bits,
    32946: _deflate,
}
# Those that are followed byte by byte here.
SLOW = frozenset({5, 32773})
