from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

import image_files
from edge_run.errors import InputError
from edge_run.scan import read as image

RNG = np.random.default_rng(7)
GREY = RNG.integers(0, 256, (13, 21), np.uint8)
WIDE = RNG.integers(12, 3072, (13, 21)).astype(np.uint16)
WIDE[0, 0], WIDE[0, 1] = 12, 3071
COLOUR = RNG.integers(0, 256, (13, 21, 3), np.uint8)  # RGB


def stretched(pixels: np.ndarray) -> np.ndarray:
    low, high = int(pixels.min()), int(pixels.max())
    return np.floor((pixels.astype(np.float64) - low) * 255 / (high - low) + 0.5).astype(np.uint8)


def bt601(rgb: np.ndarray) -> np.ndarray:
    return rgb.astype(np.float64) @ [0.299, 0.587, 0.114]


def steps(data: bytes) -> str:
    return "; ".join(image.read(data).steps)


@pytest.mark.parametrize(
    "data",
    [
        image_files.grey_png(GREY),
        image_files.bmp(GREY),
        image_files.tiff(GREY),
        image_files.tiff(GREY, order=">"),
        image_files.tiff(~GREY, t262=0),
        image_files.pgm(GREY),
        image_files.pgm(GREY, comment=b"# a scanner\n# of note\n"),
        image_files.webp(np.dstack([GREY] * 3)),
        image_files.bmp(np.dstack([GREY] * 3)),
    ],
    ids=["png", "bmp", "tiff", "tiff-mm", "tiff-white0", "pgm", "pgm-comment", "webp", "bmp-rgb"],
)
def test_lossless_8_bit_grey_comes_through_exactly(data: bytes) -> None:
    scan = image.read(data)
    np.testing.assert_array_equal(scan.pixels, GREY)
    assert scan.pixels.dtype == np.uint8
    assert scan.pixels.flags.c_contiguous
    assert scan.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("bits", "raw", "expected"), [(1, b"\xa0", [255, 0, 255, 0]), (2, b"\x1b", [0, 85, 170, 255])])
def test_png_of_few_bits_spans_the_whole_range(bits: int, raw: bytes, expected: list[int]) -> None:
    assert image.read(image_files.png([raw], 4, bits, 0)).pixels.tolist() == [expected]


def test_png_of_4_bits() -> None:
    assert image.read(image_files.png([b"\x3c"], 2, 4, 0)).pixels.tolist() == [[51, 204]]


def test_palette_is_looked_up_not_taken_for_grey() -> None:
    palette = image_files.chunk(b"PLTE", bytes([200, 200, 200, 255, 0, 0]))
    assert image.read(image_files.png([b"\0\1"], 2, 8, 3, palette)).pixels.tolist() == [[200, 76]]
    transparent = image_files.png([b"\0\1"], 2, 8, 3, palette, image_files.chunk(b"tRNS", b"\0"))
    scan = image.read(transparent)
    assert scan.pixels.tolist() == [[200, 76]]
    assert "alpha dropped" in scan.steps


def test_rgb_becomes_grey_by_bt601_in_the_right_channel_order() -> None:
    data = image_files.png([row.tobytes() for row in COLOUR], 21, 8, 2)
    scan = image.read(data)
    assert np.abs(scan.pixels - bt601(COLOUR)).max() <= 0.51
    assert scan.steps == ("decoded PNG 8-bit RGB 21x13", "RGB to grey")


def test_equal_channels_are_kept_exactly_and_alpha_is_dropped() -> None:
    rgba = np.dstack([GREY, GREY, GREY, np.flipud(GREY)])
    scan = image.read(image_files.png([row.tobytes() for row in rgba], 21, 8, 6))
    np.testing.assert_array_equal(scan.pixels, GREY)
    assert scan.steps[1:] == ("alpha dropped", "three equal channels, one kept")
    grey_alpha = np.dstack([GREY, np.flipud(GREY)])
    np.testing.assert_array_equal(
        image.read(image_files.png([row.tobytes() for row in grey_alpha], 21, 8, 4)).pixels, GREY
    )
    assert "alpha dropped" in steps(image_files.webp(rgba))


@pytest.mark.parametrize(
    "data",
    [
        image_files.grey_png(WIDE),
        image_files.tiff(WIDE),
        image_files.tiff(WIDE, order=">"),
        image_files.pgm(WIDE, greatest=4095),
    ],
    ids=["png", "tiff", "tiff-mm", "pgm"],
)
def test_16_bits_are_stretched_over_their_own_range(data: bytes) -> None:
    scan = image.read(data)
    np.testing.assert_array_equal(scan.pixels, stretched(WIDE))
    assert scan.steps[-1] == "stretched 12..3071 to 0..255"


def test_16_bit_tiff_with_white_as_zero_is_inverted() -> None:
    scan = image.read(image_files.tiff(WIDE, t262=0))
    np.testing.assert_array_equal(scan.pixels, stretched(65535 - WIDE))
    assert "inverted: white was stored as zero" in scan.steps


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 32946])
@pytest.mark.parametrize("rows", [7, 400])
@pytest.mark.parametrize("kind", ["noise", "steps", "colour", "wide"])
def test_compressed_tiff(compression: int, rows: int, kind: str) -> None:
    # Noise fills the LZW table many times over; steps make its strings long.
    noise = np.random.default_rng(3).integers(0, 256, (130, 150), np.uint8)
    flat = np.full((130, 150), 40, np.uint8)
    flat[50:, 20:90] = 90
    pixels = {
        "noise": noise,
        "steps": flat,
        "colour": np.dstack([flat] * 3),
        "wide": noise.astype(np.uint16) * 200,
    }[kind]
    scan = image.read(bytes(image_files.tiff_by_opencv(pixels, compression, rows)))
    expected = stretched(pixels) if kind == "wide" else pixels if pixels.ndim == 2 else flat
    np.testing.assert_array_equal(scan.pixels, expected)


def test_16_bit_rgb() -> None:
    wide = COLOUR.astype(np.uint16) * 257
    rows = [row.astype(">u2").tobytes() for row in wide]
    expected = bt601(wide)
    expected = (expected - expected.min()) * 255 / (expected.max() - expected.min())
    assert np.abs(image.read(image_files.png(rows, 21, 16, 2)).pixels - expected).max() <= 0.6


def test_constant_16_bit_image_is_black_and_says_so() -> None:
    scan = image.read(image_files.grey_png(np.full((4, 5), 900, np.uint16)))
    assert not scan.pixels.any()
    assert scan.steps[-1] == "constant 900 set to 0"


def test_jpeg_grey_and_colour() -> None:
    smooth = cv2.GaussianBlur(np.kron(GREY, np.ones((4, 4), np.uint8)), (0, 0), 3)
    assert np.abs(image.read(image_files.jpeg(smooth)).pixels.astype(int) - smooth).max() <= 4
    assert steps(image_files.jpeg(smooth)) == "decoded JPEG 8-bit grey 84x52"
    assert steps(image_files.jpeg(np.dstack([smooth, smooth[::-1], smooth]))).endswith("RGB to grey")


# What a viewer does to the stored rows and columns (Exif 2.32, 4.6.4, tag 274), said with turns and mirrors.
TURNS = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.transpose(np.rot90(a, 2)),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "tiff16"])
def test_orientation_is_applied_once(kind: str, orientation: int) -> None:
    if kind == "png":
        scan = image.read(image_files.grey_png(GREY, image_files.chunk(b"eXIf", image_files.exif(orientation, "<"))))
        stored = GREY
    elif kind == "jpeg":
        scan = image.read(image_files.jpeg(GREY, orientation))
        stored = image.read(image_files.jpeg(GREY)).pixels
    else:
        stored = GREY if kind == "tiff" else stretched(WIDE)
        scan = image.read(image_files.tiff(GREY if kind == "tiff" else WIDE, t274=orientation))
    np.testing.assert_array_equal(scan.pixels, TURNS[orientation](stored))
    assert (f"EXIF orientation {orientation} applied" in scan.steps) == (orientation != 1)


def test_damaged_exif_is_ignored() -> None:
    block = image_files.chunk(b"eXIf", image_files.exif(6)[:12])
    np.testing.assert_array_equal(image.read(image_files.grey_png(GREY, block)).pixels, GREY)
    np.testing.assert_array_equal(
        image.read(image_files.grey_png(GREY, image_files.chunk(b"eXIf", image_files.exif(9)))).pixels, GREY
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_array_and_file_give_the_same_pixels(dtype: type) -> None:
    pixels = GREY if dtype is np.uint8 else WIDE
    scan = image.from_array(pixels)
    np.testing.assert_array_equal(scan.pixels, image.read(image_files.grey_png(pixels)).pixels)
    assert scan.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()
    assert not np.shares_memory(scan.pixels, pixels)


def test_array_channels_are_rgb() -> None:
    rgba = np.dstack([COLOUR, GREY])
    scan = image.from_array(rgba)
    assert np.abs(scan.pixels - bt601(COLOUR)).max() <= 0.51
    assert scan.steps[1:] == ("alpha dropped", "RGB to grey")
    np.testing.assert_array_equal(image.from_array(COLOUR).pixels, scan.pixels)


def test_big_endian_and_strided_arrays() -> None:
    np.testing.assert_array_equal(image.from_array(WIDE.astype(">u2")).pixels, stretched(WIDE))
    np.testing.assert_array_equal(image.from_array(GREY[::2, ::-3]).pixels, GREY[::2, ::-3])


@pytest.mark.parametrize(
    ("pixels", "says"),
    [
        (np.full((4, 4), np.nan, np.float32), "float32"),
        (np.zeros((4, 4), np.int16), "int16"),
        (np.zeros((4, 4), bool), "bool"),
        (np.zeros((4, 4), np.uint32), "uint32"),
        (np.zeros((4, 0), np.uint8), "no pixels"),
        (np.zeros(4, np.uint8), r"\[4\]"),
        (np.zeros((2, 4, 4, 3), np.uint8), r"\[2, 4, 4, 3\]"),
        (np.zeros((4, 4, 2), np.uint8), r"\[4, 4, 2\]"),
    ],
)
def test_array_of_another_kind_is_refused(pixels: np.ndarray, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        image.from_array(pixels)
    assert caught.value.hint
