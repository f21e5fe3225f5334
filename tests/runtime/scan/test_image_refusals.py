"""What image.read refuses, and that it does so before it spends anything on it."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

import image_files
from edge_run.errors import InputError
from edge_run.scan import read as image

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(11)
GREY = RNG.integers(0, 256, (9, 12), np.uint8)
RGB = np.dstack([GREY] * 3)
FILES = {
    "png": image_files.grey_png(GREY),
    "jpeg": image_files.jpeg(GREY),
    "jpeg-exif": image_files.jpeg(GREY, 6),
    "bmp": image_files.bmp(GREY),
    "tiff": image_files.tiff(GREY),
    "webp": image_files.webp(RGB),
    "webp-lossy": cv2.imencode(".webp", RGB, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes(),
    "pgm": image_files.pgm(GREY),
    "pgm16": image_files.pgm(GREY.astype(np.uint16)),
}


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("the decoder was called")

    monkeypatch.setattr(cv2, "imdecode", fail)


def refused(source: str | Path | bytes, **limits: int) -> InputError:
    with pytest.raises(InputError) as caught:
        image.read(source, limits=image.Limits(**limits))
    assert caught.value.hint
    return caught.value


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize("kind", FILES)
def test_cut_anywhere_is_refused_without_decoding(kind: str) -> None:
    data = FILES[kind]
    for length in range(1, len(data)):
        refused(data[:length])


@pytest.mark.parametrize("kind", FILES)
def test_cut_in_half_says_truncated(kind: str) -> None:
    assert "truncated" in refused(FILES[kind][: len(FILES[kind]) * 2 // 3]).message


def test_trailing_bytes_do_no_harm() -> None:
    for kind, data in FILES.items():
        # Pixels of BMP and PGM reach to the end of the file.
        surplus = 3 if kind in ("bmp", "pgm", "pgm16") else 40
        assert image.read(data + b"\0" * surplus).pixels.size == GREY.size


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image() -> None:
    whole = image_files.jpeg(GREY)
    body = b"Exif\0\0" + image_files.exif(1) + image_files.jpeg(GREY[:4, :4])
    data = whole[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + whole[2:]
    np.testing.assert_array_equal(image.read(data).pixels, image.read(whole).pixels)
    assert "truncated" in refused(data[:-2]).message


@pytest.mark.parametrize("kind", FILES)
def test_flipped_bytes_end_in_a_scan_or_a_refusal(kind: str) -> None:
    rng = np.random.default_rng(5)
    for _ in range(150):
        data = bytearray(FILES[kind])
        for place in rng.integers(0, min(len(data), 200), rng.integers(1, 4)):
            data[place] = rng.integers(256)
        try:
            scan = image.read(bytes(data), limits=image.Limits(max_pixels=10_000))
        except InputError:
            continue
        assert scan.pixels.ndim == 2
        assert scan.pixels.size <= 10_000


@pytest.mark.usefixtures("no_decoder")
def test_damaged_png_is_told_by_its_checksum() -> None:
    data = bytearray(FILES["png"])
    data[60] ^= 1
    assert "checksum of its 'IDAT' chunk" in refused(bytes(data)).message


def large(kind: str) -> bytes:
    side = 30_000
    if kind == "png":
        header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
        return image_files.PNG_SIGNATURE + image_files.chunk(b"IHDR", header) + image_files.chunk(b"IEND", b"")
    if kind == "bmp":
        return b"BM" + bytes(12) + struct.pack("<IiiHHII", 40, side, -side, 1, 8, 0, 0)
    if kind == "pgm":
        return b"P5 30000 30000 255\n"
    if kind == "webp":
        return b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff\xff\x00" * 2
    if kind == "jpeg":
        data = bytearray(FILES["jpeg"])
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
        return bytes(data)
    return image_files.tiff(GREY, t256=side, t257=side)


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize("kind", ["png", "bmp", "pgm", "webp", "jpeg", "tiff"])
def test_too_many_pixels_are_refused_from_the_header(kind: str) -> None:
    error = refused(large(kind))
    assert "over the limit of 67108864 pixels" in error.message
    assert "x" in error.message


def test_limit_on_pixels_is_inclusive() -> None:
    assert image.read(FILES["png"], limits=image.Limits(max_pixels=GREY.size)).pixels.size == GREY.size
    refused(FILES["png"], max_pixels=GREY.size - 1)


@pytest.mark.parametrize("data", [image_files.png([], 5, 8, 0), b"P5 0 4 255\n", image_files.tiff(GREY, t256=0)])
@pytest.mark.usefixtures("no_decoder")
def test_image_without_pixels(data: bytes) -> None:
    assert "no pixels" in refused(data).message


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"patient,label\n1,covid\n", "text file"),
        (bytes(range(256)), "not an image"),
        (bytes(128) + b"DICM" + bytes(64), "DICOM"),
        (b"II*\0" + bytes(124) + b"DICM" + bytes(64), "DICOM"),
        (b"GIF89a" + bytes(20), "GIF"),
        (b"%PDF-1.7\n", "PDF"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (image_files.tiff(GREY, pages=2), "2 pages"),
        (image_files.tiff(GREY.astype(np.uint16), t339=2), "signed"),
        (image_files.tiff(GREY, t322=8192, t323=16), "tiles"),
        (image_files.tiff(GREY, t277=9), "9 channels"),
        (image_files.tiff(GREY, t259=34712), "compression 34712"),
        (image_files.tiff(GREY, t259=7), "compression 7"),
        (image_files.tiff(GREY, t259=5), "cannot be unpacked"),
        (image_files.tiff(GREY, t259=8), "cannot be unpacked"),
        (image_files.tiff(GREY, t278=1), "does not list its pixel data"),
        (image_files.tiff(GREY[:, :6], t256=12), "pixel data is missing"),
        (image_files.pgm(GREY, greatest=15), "greatest value 15"),
        (image_files.grey_png(GREY, image_files.chunk(b"acTL", bytes(8))), "animated"),
    ],
)
@pytest.mark.usefixtures("no_decoder")
def test_other_kinds_are_named(data: bytes, says: str) -> None:
    assert says in refused(data).message


def test_decoder_of_another_mind_than_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "imdecode", lambda *_: np.zeros((3, 3), np.uint8))
    assert "unlike what its header says" in refused(FILES["png"]).message
    monkeypatch.setattr(cv2, "imdecode", lambda *_: None)
    assert "cannot decode" in refused(FILES["png"]).message


def test_decoding_leaves_no_word_from_opencv_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    # A lossless WebP whose codes lead nowhere: only the decoder can tell.
    data = bytearray(FILES["webp"])
    data[30:60] = bytes(range(100, 130))
    assert "cannot decode" in refused(bytes(data)).message
    # A BMP whose palette is larger than the file: the same.
    data = bytearray(FILES["bmp"])
    data[46:50] = struct.pack("<I", 2**31)
    assert "cannot decode" in refused(bytes(data)).message
    printed = capfd.readouterr().err
    assert "OpenCV" not in printed
    assert "imdecode" not in printed


@pytest.mark.usefixtures("no_decoder")
@pytest.mark.parametrize("compression", [5, 8, 32773])
def test_compressed_tiff_that_ends_early_is_refused(compression: int) -> None:
    # libtiff would hand over the rest as black, without an error.
    pixels = np.random.default_rng(2).integers(0, 256, (40, 50), np.uint8)
    data = image_files.tiff_by_opencv(pixels, compression, 40)
    (start,) = struct.unpack_from("<I", data, 4)
    for entry in range(start + 2, start + 2 + 12 * data[start], 12):
        tag, kind, _, value = struct.unpack_from("<HHII", data, entry)
        if tag == 279:
            value &= 0xFFFF if kind == 3 else 0xFFFFFFFF
            struct.pack_into("<I", data, entry + 8, value * 3 // 4)
    assert "cannot be unpacked" in refused(bytes(data)).message


def test_tiff_directory_loop_ends() -> None:
    data = bytearray(image_files.tiff(GREY, t254=1))
    (count,) = struct.unpack_from("<H", data, 8)
    struct.pack_into("<I", data, 10 + 12 * count, 8)
    assert "directories" in refused(bytes(data)).message


def test_many_scans_of_a_jpeg_are_refused() -> None:
    data = FILES["jpeg"]
    start = data.index(b"\xff\xda")
    assert "scans" in refused(data[:start] + data[start:-2] * 200 + data[-2:]).message


# Files that are not there to be read.


def test_file_and_bytes_agree(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(FILES["png"])
    for source in (path, str(path)):
        scan = image.read(source)
        assert scan.sha256 == image.read(FILES["png"]).sha256
        np.testing.assert_array_equal(scan.pixels, GREY)


def test_each_failure_of_the_file_system_has_its_own_words(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "gone.png").symlink_to("nowhere.png")
    assert "does not exist" in refused(tmp_path / "missing.png").message
    assert "does not exist" in refused(tmp_path / "gone.png").message
    assert "is a folder" in refused(tmp_path).message
    assert "is empty" in refused(tmp_path / "empty.png").message
    assert "is empty" in refused(b"").message
    assert "pipe, socket or device" in refused(tmp_path / "pipe.png").message
    assert "pipe, socket or device" in refused("/dev/zero").message
    assert "cannot be read" in refused(tmp_path / "loop.png").message
    assert "cannot be read" in refused(tmp_path / ("long" * 100)).message
    assert "cannot be read" in refused("nul\0byte").message
    assert "does not exist" not in refused(tmp_path / "empty.png" / "below.png").message


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(FILES["png"])

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    # Not by chmod, which does not stop root.
    monkeypatch.setattr(os, "open", deny)
    assert "may not be read" in refused(path).message


def test_file_swapped_for_a_pipe_between_two_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "scan.png"
    path.write_bytes(FILES["png"])
    opened = os.open

    def swap(name: Path, flags: int) -> int:
        name.unlink()
        os.mkfifo(name)
        return opened(name, flags)

    monkeypatch.setattr(os, "open", swap)
    assert "pipe, socket or device" in refused(path).message


def test_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    with path.open("wb") as file:
        file.truncate(image.MAX_BYTES + 1)
    assert "over the limit of 268435456 bytes" in refused(path).message
    assert "over the limit" in refused(FILES["png"], max_bytes=len(FILES["png"]) - 1).message
    assert image.read(FILES["png"], limits=image.Limits(max_bytes=len(FILES["png"]))).steps
