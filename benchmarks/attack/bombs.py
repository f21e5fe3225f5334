"""Files within the limits on size and pixels that are made to cost time or memory."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import time
import zlib
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

import cv2
import numpy as np

from benchmarks.attack.outcome import Clock, Outcome
from benchmarks.attack.pictures import dicom, encoded

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SECONDS = 8.0
"""5 s of decoding, what lies around it, and a busy machine."""
MOST_MIB = 1024
"""In the process that reads: the bound of 512 MiB holds for the decoding in its child, and results come back."""
FEW = ("PNG of empty chunks", "JPEG of comments", "DICOM of nested sequences")
SIDE = 8192
_ITEM = b"\xfe\xff\x00\xe0\0\0\0\0"


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(side: int, *chunks: bytes, interlaced: bool = False) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + b"".join(chunks) + _chunk(b"IEND", b"")


def png_of_zeros() -> bytes:
    """As many pixels as are read, in 65 kB."""
    return _png(SIDE, _chunk(b"IDAT", zlib.compress(bytes((SIDE + 1) * SIDE), 9)))


def png_that_inflates() -> bytes:
    """A few pixels, and 1 GiB behind them."""
    return _png(8, _chunk(b"IDAT", zlib.compress(bytes(2**30), 9)))


def png_of_empty_chunks() -> bytes:
    """A million chunks without content."""
    data = zlib.compress(bytes(9 * 8))
    return _png(8, *[_chunk(b"IDAT", b"")] * 1_000_000, _chunk(b"IDAT", data))


def png_of_texts() -> bytes:
    """Compressed texts that inflate to 100 MiB each."""
    text = _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(100 * 2**20), 9))
    return _png(8, *[text] * 20, _chunk(b"IDAT", zlib.compress(bytes(9 * 8))))


def tiff(compression: int, rows: int) -> bytes:
    """As many pixels as are read, all of one grey."""
    return encoded(".tif", np.full((SIDE, SIDE), 7, np.uint8), 259, compression, 278, rows)


def tiff_of_strips() -> bytes:
    """A strip of its own for each of 60,000 rows."""
    return encoded(".tif", np.zeros((60_000, 8), np.uint8), 259, 5, 278, 1)


def tiff_of_noise_lzw() -> bytes:
    """LZW of noise, whose table fills and is cleared all the time."""
    return encoded(".tif", np.random.default_rng(0).integers(0, 256, (4096, 4096), np.uint8), 259, 5, 278, 64)


def jpeg(*options: int) -> bytes:
    """As many pixels as are read."""
    return encoded(".jpg", np.zeros((SIDE, SIDE), np.uint8), *options)


def jpeg_of_comments() -> bytes:
    """A million empty comments before the picture."""
    data = encoded(".jpg", np.zeros((16, 16), np.uint8))
    return data[:2] + b"\xff\xfe\x00\x02" * 1_000_000 + data[2:]


def jpeg_of_fill_bytes() -> bytes:
    """Two hundred million fill bytes before a marker."""
    data = encoded(".jpg", np.zeros((16, 16), np.uint8))
    return data[:2] + b"\xff" * 200_000_000 + data[2:]


def webp() -> bytes:
    """As large as WebP can be within the limit."""
    return encoded(".webp", np.zeros((SIDE, SIDE, 3), np.uint8), cv2.IMWRITE_WEBP_QUALITY, 101)


def pnm_of_comments() -> bytes:
    """Two hundred million bytes of comments in a header."""
    return b"P5\n" + b"#\n" * 100_000_000 + b"4 4\n255\n" + bytes(16)


def pnm_of_blanks() -> bytes:
    """Two hundred million blanks in a header."""
    return b"P5\n" + b" " * 200_000_000 + b"4 4\n255\n" + bytes(16)


def dicom_rle() -> bytes:
    """As many pixels as are read, in runs of 128."""
    rows = b"\x81\0" * (SIDE * SIDE // 128)
    segment = struct.pack("<16I", 1, 64, *[0] * 14) + rows
    from pydicom.uid import RLELossless

    whole = dicom(np.zeros((8, 8), np.uint8), RLELossless)
    return _patched(whole, segment)


def dicom_frames() -> bytes:
    """As many frames and pixels as are read."""
    return dicom(np.zeros((4096, 128, 128), np.uint8))


def dicom_jpeg_frames() -> bytes:
    """A thousand compressed frames, each of which is a job for a child process."""
    from pydicom.uid import JPEGBaseline8Bit

    frame = encoded(".jpg", np.zeros((256, 256), np.uint8))
    return dicom(np.zeros((1000, 256, 256), np.uint8), JPEGBaseline8Bit, [frame] * 1000)


def dicom_of_items() -> bytes:
    """A sequence of two million empty items."""
    return _with_elements(
        b"\x40\x00\x60\xa0SQ\0\0" + struct.pack("<I", 16_000_000) + b"\xfe\xff\x00\xe0\0\0\0\0" * 2_000_000
    )


def dicom_of_nested_sequences() -> bytes:
    """A hundred thousand sequences within each other, of undefined length."""
    opened = b"\x40\x00\x60\xa0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return _with_elements(opened * 100_000)


def dicom_of_private_elements() -> bytes:
    """A million and a half empty private elements."""
    return _with_elements(
        b"".join(struct.pack("<HH2sH", 0x11, 0x1000 + n % 0xEFFF, b"LO", 0) for n in range(1_500_000))
    )


def implicit(tag: int, value: bytes) -> bytes:
    """A small file in implicit VR, whose values may have any length, with one more element."""
    from pydicom.uid import ImplicitVRLittleEndian

    whole = dicom(np.zeros((8, 8), np.uint8), ImplicitVRLittleEndian)
    at = 144 + int.from_bytes(whole[140:144], "little")
    while at < len(whole):
        group, number, size = struct.unpack_from("<HHI", whole, at)
        if (group << 16 | number) >= tag:
            break
        at += 8 + size
    replaced = (8 + size) * ((group << 16 | number) == tag)
    element = struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
    return whole[:at] + element + whole[at + replaced :]


def _with_elements(elements: bytes) -> bytes:
    """Put elements before the pixel data of a small file, in explicit VR and little endian."""
    whole = dicom(np.zeros((8, 8), np.uint8))
    at = whole.index(b"\xe0\x7f\x10\x00OB")
    return whole[:at] + elements + whole[at:]


def _patched(whole: bytes, segment: bytes) -> bytes:
    """Replace the frame of a small compressed file, and its size."""
    for tag, value in ((b"\x28\x00\x10\x00US\x02\x00", SIDE), (b"\x28\x00\x11\x00US\x02\x00", SIDE)):
        at = whole.index(tag) + 8
        whole = whole[:at] + struct.pack("<H", value) + whole[at + 2 :]
    at = whole.index(b"\xe0\x7f\x10\x00OB") + 12
    item = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(segment)) + segment
    return whole[:at] + b"\xfe\xff\x00\xe0\0\0\0\0" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"


PICTURES: dict[str, Callable[[], bytes]] = {
    "PNG of zeros": png_of_zeros,
    "PNG that inflates": png_that_inflates,
    "PNG of empty chunks": png_of_empty_chunks,
    "PNG of texts": png_of_texts,
    "TIFF, LZW": lambda: tiff(5, 64),
    "TIFF, deflate": lambda: tiff(8, 64),
    "TIFF, PackBits": lambda: tiff(32773, 64),
    "TIFF, one strip": lambda: tiff(5, SIDE),
    "TIFF of strips": tiff_of_strips,
    "TIFF of noise": tiff_of_noise_lzw,
    "JPEG": jpeg,
    "JPEG, progressive": lambda: jpeg(cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "JPEG of comments": jpeg_of_comments,
    "JPEG of fill bytes": jpeg_of_fill_bytes,
    "WebP": webp,
    "PGM of comments": pnm_of_comments,
    "PGM of blanks": pnm_of_blanks,
}
DICOM: dict[str, Callable[[], bytes]] = {
    "DICOM RLE": dicom_rle,
    "DICOM frames": dicom_frames,
    "DICOM JPEG frames": dicom_jpeg_frames,
    "DICOM of items": dicom_of_items,
    "DICOM of nested sequences": dicom_of_nested_sequences,
    "DICOM of private elements": dicom_of_private_elements,
    **{
        f"DICOM of {name}": partial(implicit, tag, value)
        for name, tag, value in (
            ("frames' items", 0x52009230, _ITEM * 2_000_000),
            ("shared items", 0x52009229, _ITEM * 2_000_000),
            ("windows", 0x00281050, b"1\\" * 10_000_000),
            ("positions", 0x00200032, b"1\\" * 10_000_000),
            ("types", 0x00080008, b"A\\" * 10_000_000),
            ("identifiers", 0x0020000E, b"1\\" * 10_000_000),
            ("character sets", 0x00080005, b"ISO_IR 100\\" * 2_000_000),
            ("a name", 0x00100010, b"A" * 200_000_000),
        )
    },
}


def attack(seconds: float, *, few: bool = False) -> Outcome:
    """Read each in a process of its own; ``few``: only those that are small and quick."""
    outcome, clock = Outcome("bombs: time and memory"), Clock(seconds)
    kinds = PICTURES | (DICOM if find_spec("pydicom") else {})
    slowest = largest = (0.0, "")
    for name in [kind for kind in kinds if not few or kind in FEW]:
        if clock.over:
            outcome.figures["left out for want of time"] = name
            break
        command = [sys.executable, "-W", "ignore", "-m", __spec__.name, name]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        if ran.returncode or not ran.stdout:
            outcome.fail(f"{name} ended the process with {ran.returncode}: {ran.stderr[-300:]}")
            continue
        end, took, grew = ran.stdout.split()
        slowest, largest = max(slowest, (float(took), name)), max(largest, (float(grew), name))
        if float(took) > MOST_SECONDS or float(grew) > MOST_MIB or ran.stderr:
            outcome.fail(f"{name}: {took} s, {grew} MiB beyond the file, on stderr {ran.stderr!r}")
        else:
            outcome.count(end)
    outcome.figures["slowest"] = f"{slowest[0]} s ({slowest[1]})"
    outcome.figures["largest"] = f"{largest[0]:.0f} MiB ({largest[1]})"
    outcome.seconds = clock.spent
    return outcome


def _read(name: str) -> None:
    """Read one bomb and print how it ended, in how many seconds, and by how many MiB the processes grew."""
    from edge_run import InputError
    from edge_run.scan.read import read_frames

    data = (PICTURES | DICOM)[name]()
    read_frames(encoded(".jpg", np.zeros((16, 16), np.uint8)))  # the child is there
    before, begin = _peak(), time.monotonic()
    try:
        read_frames(data)
        end = "answered"
    except InputError:
        end = "refused"
    print(end, round(time.monotonic() - begin, 1), max(0, _peak() - before))
    sys.stdout.flush()
    os._exit(0)


def _peak() -> int:
    """The largest memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    _read(sys.argv[1])
