"""TIFF 6.0 (Adobe, 1992): just enough to know a file before it is decoded; the orientation inside EXIF.

EXIF keeps its tags in the same structure (Exif 2.32, 4.6).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.scan.formats.header import FormatError, Header, most_padding
from edge_run.scan.formats.unpack import SLOW, UNPACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION = 256, 257, 258, 262, 274
_SUBFILE, _SAMPLES, _SAMPLE_FORMAT, _EXTRA_SAMPLES = 254, 277, 339, 338
_TILE_SIDES = (322, 323)
# Where the pixel data lies: offsets and byte counts of the strips, then of the tiles.
_DATA = ((273, 279), (324, 325))
_COMPRESSION, _ROWS_PER_STRIP, _PLANES, _FILL_ORDER, _PREDICTOR = 259, 278, 284, 266, 317
_READ = {_WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _SUBFILE, _SAMPLES, _SAMPLE_FORMAT}
_READ |= {
    _EXTRA_SAMPLES,
    _COMPRESSION,
    _ROWS_PER_STRIP,
    _PLANES,
    _FILL_ORDER,
    _PREDICTOR,
    *_TILE_SIDES,
    *_DATA[0],
    *_DATA[1],
}

# Integer field types and their struct letters: BYTE, SHORT, LONG.
_TYPES = {1: "B", 3: "H", 4: "I"}
_COLOURS = {0: "grey", 1: "grey", 2: "RGB", 3: "palette"}
_PALETTE, _WHITE_IS_ZERO = 3, 0
_UNSIGNED = (1, 4)
_WHOLE_BYTES, _DIFFERENCES = (8, 16), 2
# Reduced-resolution copies (bit 0) and transparency masks (bit 2) of the one image are not pages.
_NOT_A_PAGE = 0b101

_MAX_TILE = 4096
_MAX_DIRECTORIES = 8
_MAX_VALUES = 2**20

Directory = dict[int, tuple[int, ...]]


def parse(data: bytes) -> Header:
    """Read the size and kind of the only page of a TIFF file."""
    tags = _page(data)
    if _WIDTH not in tags or _HEIGHT not in tags:
        raise FormatError("is a TIFF whose directory does not give the image size")
    _require_supported(tags)
    bits, photometric = _first(tags, _BITS, 1), _first(tags, _PHOTOMETRIC, 1)
    return Header(
        format="TIFF",
        width=tags[_WIDTH][0],
        height=tags[_HEIGHT][0],
        bits=bits,
        colour=_COLOURS[photometric],
        alpha=_EXTRA_SAMPLES in tags,
        orientation=_valid(_first(tags, _ORIENTATION, 1)),
        # OpenCV turns TIFFs whatever its flags say, and inverts white-is-zero ones of one bit.
        turned_by_decoder=bits not in _WHOLE_BYTES or photometric == _PALETTE,
        inverted=photometric == _WHITE_IS_ZERO and bits in _WHOLE_BYTES,
        decode=decode if bits in _WHOLE_BYTES and photometric != _PALETTE else None,
        slow=_first(tags, _COMPRESSION, 1) in SLOW,
    )


def require_whole(data: bytes) -> None:
    """Refuse a TIFF some of whose pixel data is missing, past the end, not to be unpacked, or too much."""
    for _ in _pieces(data, _page(data)):
        pass


def decode(data: bytes) -> NDArray[np.unsignedinteger[Any]]:
    """Decode grey or RGB samples of 8 or 16 bits to ``[H, W]`` or ``[H, W, 3]`` (BGR), without alpha, as stored.

    OpenCV reads some of these at 8 bits (16-bit grey with alpha), refuses others (uncompressed tiles, 5.0), and hands
    over what cannot be unpacked as black.

    Raises
    ------
    FormatError
        As :func:`require_whole`.
    """
    tags = _page(data)
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    samples, separate = _first(tags, _SAMPLES, 1), _first(tags, _PLANES, 1) == 2
    across, down = (max(16, _first(tags, side, 16)) for side in _TILE_SIDES) if _TILE_SIDES[0] in tags else (width, 0)
    down = down or min(height, max(1, _first(tags, _ROWS_PER_STRIP, height)))
    dtype = np.dtype(f"{_order(data)}u{_first(tags, _BITS, 1) // 8}")
    together = 1 if separate else samples
    columns, rows = -(-width // across), -(-height // down)
    # The last tiles may reach beyond the image.
    pixels = np.empty((samples // together, rows * down, columns * across, together), dtype.newbyteorder("="))
    for number, piece in enumerate(_pieces(data, tags)):
        plane, row, column = number // (rows * columns), number // columns % rows, number % columns
        length = len(piece) // (across * together * dtype.itemsize)
        block = np.frombuffer(piece, dtype, length * across * together).reshape(length, across, together)
        if _first(tags, _PREDICTOR, 1) == _DIFFERENCES:
            block = np.cumsum(block, axis=1, dtype=pixels.dtype)
        kept = pixels[plane, row * down : row * down + length, column * across : (column + 1) * across]
        kept[:] = block[: len(kept)]
    whole = np.moveaxis(pixels, 0, -1).reshape(*pixels.shape[1:3], samples)[:height, :width]
    colours = 3 if _COLOURS[_first(tags, _PHOTOMETRIC, 1)] == "RGB" else 1
    return np.ascontiguousarray(whole[:, :, 2::-1] if colours == 3 else whole[:, :, 0])


def _pieces(data: bytes, tags: Directory) -> Iterator[bytes]:
    """Yield the strips or tiles, unpacked, in the order that the directory lists them."""
    tiled = _TILE_SIDES[0] in tags
    offsets, counts = (tags.get(tag, ()) for tag in _DATA[tiled])
    needed = _piece_bytes(tags)
    if not len(offsets) == len(counts) == len(needed):
        raise FormatError("is a TIFF whose directory is damaged: it does not list its pixel data")
    unpack = UNPACK[_first(tags, _COMPRESSION, 1)]
    # Pieces that share bytes would be unpacked over and over.
    if sum(counts) > len(data) or max(map(sum, zip(offsets, counts, strict=True))) > len(data):
        raise FormatError("is truncated: the TIFF's pixel data reaches beyond the end of the file")
    most, surplus = most_padding(tags[_WIDTH][0], tags[_HEIGHT][0]), 0
    for start, count, size in zip(offsets, counts, needed, strict=True):
        piece = unpack(data[start : start + count], size + most)
        if len(piece) < size:
            raise FormatError("is damaged: some of the TIFF's pixel data is missing or cannot be unpacked")
        surplus += len(piece) - size
        if surplus > most:
            raise FormatError("contradicts itself: the TIFF has more pixel data than its directory says")
        yield piece


def orientation(exif: bytes) -> int:
    """Orientation 1 to 8 of an EXIF block (starting at its byte order); 1 where it does not say."""
    try:
        first, _ = _directory(exif, struct.unpack_from(_order(exif) + "I", exif, 4)[0])
    except (FormatError, struct.error):
        # A damaged EXIF block says nothing about the pixels; every decoder ignores it.
        return 1
    return _valid(_first(first, _ORIENTATION, 1))


def _require_supported(tags: Directory) -> None:
    bits, photometric = tags.get(_BITS, (1,)), _first(tags, _PHOTOMETRIC, 1)
    channels, compression = _first(tags, _SAMPLES, 1), _first(tags, _COMPRESSION, 1)
    what = ""
    if any(kind not in _UNSIGNED for kind in tags.get(_SAMPLE_FORMAT, (1,))):
        what = "signed or floating-point samples, which have no fixed grey scale"
    elif len(set(bits)) != 1 or bits[0] not in ((4, 8) if photometric == _PALETTE else (1, 8, 16)):
        what = f"{bits[0]} bits per sample, which is not supported"
    elif photometric not in _COLOURS:
        what = f"photometric interpretation {photometric}, which is not supported"
    elif not 1 <= channels <= 4:
        what = f"{channels} channels, expected 1 to 4"
    elif compression not in UNPACK:
        what = f"compression {compression}, which is not supported"
    elif _first(tags, _PREDICTOR, 1) not in (1, _DIFFERENCES) or _first(tags, _FILL_ORDER, 1) != 1:
        what = "a predictor or an order of bits that is not supported"
    # A tile is decoded whole, so an enormous one would get past the limit on pixels.
    elif any(_first(tags, side, 0) > _MAX_TILE for side in _TILE_SIDES):
        what = f"tiles over {_MAX_TILE} pixels wide or high"
    if what:
        raise FormatError(f"is a TIFF of {what}", hint="Export it as 8-bit or 16-bit unsigned grey PNG or TIFF.")


def _piece_bytes(tags: Directory) -> list[int]:
    """Bytes, unpacked, of every strip or tile, in the order the directory lists them."""
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    channels, separate = _first(tags, _SAMPLES, 1), _first(tags, _PLANES, 1) == 2
    bits_per_pixel = _first(tags, _BITS, 1) * (1 if separate else channels)
    if _TILE_SIDES[0] in tags:
        across, down = (max(16, _first(tags, side, 16)) for side in _TILE_SIDES)
        plane = [(across * bits_per_pixel + 7) // 8 * down] * (-(-width // across) * -(-height // down))
    else:
        rows = min(height, max(1, _first(tags, _ROWS_PER_STRIP, height)))
        if height > rows * _MAX_VALUES:
            raise FormatError(f"is a TIFF of more than {_MAX_VALUES} strips")
        row_bytes = (width * bits_per_pixel + 7) // 8
        plane = [row_bytes * min(rows, height - top) for top in range(0, height, rows)]
    return plane * (channels if separate else 1)


def _first(tags: Directory, tag: int, otherwise: int) -> int:
    return tags.get(tag, (otherwise,))[0]


def _page(data: bytes) -> Directory:
    pages = [page for page in _directories(data) if not _first(page, _SUBFILE, 0) & _NOT_A_PAGE]
    if len(pages) == 1:
        return pages[0]
    raise FormatError(
        f"is a TIFF of {len(pages)} pages, not one scan",
        hint="Export the slice to be read as a file of its own.",
    )


def _directories(data: bytes) -> list[Directory]:
    offset = struct.unpack_from(_order(data) + "I", data, 4)[0]
    found: list[Directory] = []
    while offset:
        if len(found) == _MAX_DIRECTORIES:
            raise FormatError(f"is a TIFF of more than {_MAX_DIRECTORIES} directories, not one scan")
        directory, offset = _directory(data, offset)
        found.append(directory)
    return found


def _directory(data: bytes, offset: int) -> tuple[Directory, int]:
    """Read the integer tags of the directory at ``offset``, and the offset of the next one (0: none)."""
    order = _order(data)
    (count,) = struct.unpack_from(order + "H", data, offset)
    tags: Directory = {}
    for position in range(offset + 2, offset + 2 + 12 * count, 12):
        tag, kind, length = struct.unpack_from(order + "HHI", data, position)
        if tag not in _READ or kind not in _TYPES or not length:
            continue
        if length > _MAX_VALUES:
            raise FormatError(f"is a TIFF with more than {_MAX_VALUES} values in a tag")
        size = length * struct.calcsize(_TYPES[kind])
        start = position + 8 if size <= 4 else struct.unpack_from(order + "I", data, position + 8)[0]
        if start + size > len(data):
            raise FormatError("is truncated: a TIFF directory points beyond the end of the file")
        tags[tag] = struct.unpack_from(f"{order}{length}{_TYPES[kind]}", data, start)
    following = offset + 2 + 12 * count
    # EXIF blocks are often cut right after their last entry.
    next_offset = struct.unpack_from(order + "I", data, following)[0] if following + 4 <= len(data) else 0
    return tags, next_offset


def _order(data: bytes) -> str:
    if data[:4] == b"II*\0":
        return "<"
    if data[:4] == b"MM\0*":
        return ">"
    raise FormatError("does not start like a TIFF")


def _valid(value: int) -> int:
    return value if 1 <= value <= 8 else 1
