from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_run.scan.preprocessing import PreprocessSpec, preprocess
from samples.draw import chest_ct

SPEC = PreprocessSpec()
PHANTOM = chest_ct(size=256)


def area_weights(source: int, target: int) -> np.ndarray:
    """``[target, source]``: the share of each source pixel in each target pixel."""
    edges = np.arange(target + 1) * source / target
    pixels = np.arange(source)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(overlap, 0, None) * target / source


def linear_weights(source: int, target: int) -> np.ndarray:
    """``[target, source]``: linear interpolation between pixel centres, clamped at the border."""
    at = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    return np.clip(1 - np.abs(at[:, None] - np.arange(source)), 0, None)


def test_halving_is_the_mean_of_four() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (448, 448), np.uint8)
    expected = pixels.reshape(224, 2, 224, 2).mean(axis=(1, 3))
    assert np.abs(preprocess(pixels, SPEC)[0, 0] - expected).max() <= 0.51


@pytest.mark.parametrize("shape", [(512, 512), (230, 999), (224, 301)])
def test_shrinking_is_an_area_average(shape: tuple[int, int]) -> None:
    pixels = cv2.resize(PHANTOM, shape[::-1], interpolation=cv2.INTER_NEAREST)
    expected = area_weights(shape[0], 224) @ pixels.astype(np.float64) @ area_weights(shape[1], 224).T
    assert np.abs(preprocess(pixels, SPEC)[0, 0] - expected).max() <= 1


@pytest.mark.parametrize("shape", [(61, 61), (61, 500), (500, 61), (1, 1)])
def test_a_side_that_grows_is_interpolated(shape: tuple[int, int]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    expected = linear_weights(shape[0], 224) @ pixels.astype(np.float64) @ linear_weights(shape[1], 224).T
    assert np.abs(preprocess(pixels, SPEC)[0, 0] - expected).max() <= 1


def test_input_size_passes_untouched() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (224, 224), np.uint8)
    np.testing.assert_array_equal(preprocess(pixels, SPEC)[0, 0], pixels)


@pytest.mark.parametrize("side", [61, 224, 300])
def test_shape_dtype_layout_and_input_left_alone(side: int) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (side, side + 7), np.uint8)
    before = pixels.copy()
    out = preprocess(pixels, SPEC)
    assert out.shape == (1, 1, 224, 224)
    assert out.dtype == np.uint8
    assert out.flags.c_contiguous
    out[:] = 0
    np.testing.assert_array_equal(pixels, before)


def test_input_of_the_right_size_is_copied() -> None:
    pixels = np.full((224, 224), 9, np.uint8)
    preprocess(pixels, SPEC)[:] = 0
    assert pixels.min() == 9


def test_strided_input() -> None:
    pixels = PHANTOM[::-1, ::-1]
    np.testing.assert_array_equal(preprocess(pixels, SPEC), preprocess(pixels.copy(), SPEC))


@pytest.mark.parametrize("pixels", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8)])
def test_other_arrays_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"expected \[H, W\] uint8"):
        preprocess(pixels, SPEC)


def test_spec_knows_its_bounds() -> None:
    assert preprocess(np.zeros((40, 40), np.uint8), PreprocessSpec(size=32)).shape == (1, 1, 32, 32)
    with pytest.raises(ValueError, match="size is 31"):
        PreprocessSpec(size=31)
    with pytest.raises(ValueError, match="INTER_NEAREST"):
        PreprocessSpec(shrink="INTER_NEAREST")
