"""Headers that are smaller, or larger, than the pixel data: such a picture is sheared or cut."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

import image_files
from edge_run import InputError, read

if TYPE_CHECKING:
    from collections.abc import Callable

GREY = np.random.default_rng(6).integers(0, 256, (90, 100), np.uint8)
DEEP = GREY.astype(np.uint16) * 16


def pgm(width: int, height: int) -> bytes:
    return image_files.pgm(GREY).replace(b"100 90", b"%d %d" % (width, height))


def pgm_16(width: int, height: int) -> bytes:
    return image_files.pgm(DEEP).replace(b"100 90", b"%d %d" % (width, height))


def bmp(width: int, height: int) -> bytes:
    data = bytearray(image_files.bmp(GREY))
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


def png(width: int, height: int) -> bytes:
    data = bytearray(image_files.grey_png(GREY))
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return bytes(data)


def tiff(rows: int, compression: int) -> Callable[[int, int], bytes]:
    def patched(width: int, height: int) -> bytes:
        data = image_files.tiff_by_opencv(GREY, compression, rows)
        (start,) = struct.unpack_from("<I", data, 4)
        for entry in range(start + 2, start + 2 + 12 * data[start], 12):
            tag, kind = struct.unpack_from("<HH", data, entry)
            if tag in (256, 257):
                struct.pack_into("<H" if kind == 3 else "<I", data, entry + 8, width if tag == 256 else height)
        return bytes(data)

    return patched


KINDS = {"pgm": pgm, "pgm16": pgm_16, "bmp": bmp, "png": png}
KINDS |= {f"tiff-{c}-{rows}": tiff(rows, c) for c in (1, 5, 8, 32773) for rows in (1, 7, 90)}
SIZES = [(99, 90), (100, 89), (50, 90), (100, 45), (90, 100), (104, 90), (100, 91), (200, 90)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_size_that_is_not_the_datas_is_refused(kind: str) -> None:
    np.testing.assert_array_equal(read(KINDS[kind](100, 90)).pixels.shape, (90, 100))
    for width, height in SIZES:
        if kind == "bmp" and width == 99:
            continue  # Its rows are padded to 100 bytes: the last column is cut, and nothing is sheared.
        if kind.startswith("pgm") and width * height == GREY.size:
            continue  # As many pixels: nobody can tell.
        with pytest.raises(InputError, match=r"contradicts itself|truncated|damaged"):
            read(KINDS[kind](width, height))


def test_interlaced_png_is_held_to_its_size_too() -> None:
    # Adam7 of 3x2 pixels: passes of 1x1, 1x1 and 1x1 pixels, then 3x1.
    rows = b"\0\x01" + b"\0\x03" + b"\0\x02" + b"\0\x04\x05\x06"
    header = struct.pack(">IIBBBBB", 3, 2, 8, 0, 0, 0, 1)

    def file(data: bytes) -> bytes:
        chunks = (image_files.chunk(b"IHDR", header), image_files.chunk(b"IDAT", zlib.compress(data)))
        return image_files.PNG_SIGNATURE + b"".join(chunks) + image_files.chunk(b"IEND", b"")

    assert read(file(rows)).pixels.tolist() == [[1, 2, 3], [4, 5, 6]]
    for wrong in (rows[:-1], rows + b"\0"):
        with pytest.raises(InputError, match="contradicts itself"):
            read(file(wrong))


def test_row_without_a_known_filter_does_not_reach_the_decoder(capfd: pytest.CaptureFixture[str]) -> None:
    header = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0\1\2" + b"\7\3\4")
    chunks = image_files.chunk(b"IHDR", header) + image_files.chunk(b"IDAT", data) + image_files.chunk(b"IEND", b"")
    with pytest.raises(InputError, match="no known filter"):
        read(image_files.PNG_SIGNATURE + chunks)
    assert capfd.readouterr().err == ""


def test_chunks_that_libpng_warns_of_do_not_reach_it(capfd: pytest.CaptureFixture[str]) -> None:
    profile = image_files.chunk(b"iCCP", b"bad\0\0" + zlib.compress(b"no profile"))
    twice = image_files.chunk(b"gAMA", struct.pack(">I", 0)) * 2
    np.testing.assert_array_equal(read(image_files.grey_png(GREY, profile, twice)).pixels, GREY)
    palette = image_files.chunk(b"PLTE", bytes([200, 200, 200, 255, 0, 0]))
    for pixels in (b"\0\1", b"\0\7"):
        try:
            read(image_files.png([pixels], 2, 8, 3, palette))
        except InputError:
            continue
    assert capfd.readouterr().err == ""


def test_damaged_jpeg_leaves_no_word_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    data = image_files.jpeg(GREY)
    with pytest.raises(InputError, match="part of the"):
        read(data[: len(data) // 2] + b"\xff\xd9")
    assert capfd.readouterr().err == ""
