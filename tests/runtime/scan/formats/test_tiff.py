"""TIFFs that OpenCV reads at another depth, or not at all."""

from __future__ import annotations

import numpy as np
import pytest

import image_files
from edge_run import InputError, read

RNG = np.random.default_rng(4)
DEEP = RNG.integers(0, 4096, (50, 61)).astype(np.uint16)
STRIPS, TILES = (7, 61), (16, 32)


def stretched(pixels: np.ndarray) -> np.ndarray:
    low, high = int(pixels.min()), int(pixels.max())
    return np.floor((pixels.astype(np.float64) - low) * 255 / (high - low) + 0.5).astype(np.uint8)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("piece", [STRIPS, TILES], ids=["strips", "tiles"])
@pytest.mark.parametrize("options", [{}, {"separate": 1}, {"deflate": 1}, {"deflate": 1, "predictor": 1}])
@pytest.mark.parametrize("alpha", [False, True], ids=["grey", "alpha"])
def test_grey_of_16_bits_keeps_its_depth(order: str, piece: tuple[int, int], options: dict, alpha: bool) -> None:
    pixels = np.dstack([DEEP, DEEP // 2 + 60000] if alpha else [DEEP])
    scan = read(image_files.tiff_of_pieces(pixels, piece, order, **options))
    np.testing.assert_array_equal(scan.pixels, stretched(DEEP))
    assert ("alpha dropped" in scan.steps) == alpha


@pytest.mark.parametrize("piece", [STRIPS, (16, 16), (64, 64)])
@pytest.mark.parametrize("samples", [1, 2, 3, 4])
def test_8_bits_in_strips_and_in_tiles_of_any_size(piece: tuple[int, int], samples: int) -> None:
    grey = DEEP.astype(np.uint8)
    pixels = np.dstack([grey] * samples if samples != 2 else [grey, ~grey])
    scan = read(image_files.tiff_of_pieces(pixels, piece, photometric=2 if samples > 2 else 1))
    np.testing.assert_array_equal(scan.pixels, grey)


def test_colours_come_in_their_order() -> None:
    red = np.zeros((20, 20, 3), np.uint8)
    red[:, :, 0] = 255
    assert int(read(image_files.tiff_of_pieces(red, (20, 20), photometric=2)).pixels[0, 0]) == 76


def test_white_is_zero_at_either_depth() -> None:
    for pixels in (DEEP, DEEP.astype(np.uint8)):
        white = read(image_files.tiff_of_pieces(~pixels[:, :, None], STRIPS, photometric=0)).pixels
        np.testing.assert_array_equal(white, read(image_files.tiff_of_pieces(pixels[:, :, None], STRIPS)).pixels)


@pytest.mark.parametrize("compression", [1, 5, 8, 32773])
@pytest.mark.parametrize("rows", [1, 7, 50])
def test_compressions_by_opencv_come_back(compression: int, rows: int) -> None:
    flat = DEEP.astype(np.uint8) // 50 * 50
    np.testing.assert_array_equal(read(bytes(image_files.tiff_by_opencv(flat, compression, rows))).pixels, flat)


@pytest.mark.parametrize("tags", [{"t317": 3}, {"t266": 2}])
def test_what_would_be_misread_is_refused(tags: dict) -> None:
    with pytest.raises(InputError, match="predictor or an order of bits"):
        read(image_files.tiff(DEEP, **tags))
