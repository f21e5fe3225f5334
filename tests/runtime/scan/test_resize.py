"""Area averaging that every processor computes alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge_run.scan.preprocessing import PreprocessSpec, preprocess
from edge_run.scan.resize import shrink_exactly
from exact_resize import RECORDED, digest
from toy import scan

EXACT = PreprocessSpec().exact()


def by_definition(pixels: np.ndarray, size: int) -> np.ndarray:
    """Weigh every pixel by its share in each output pixel, in Python's whole numbers."""

    def weights(length: int) -> np.ndarray:
        i, j = np.ogrid[:size, :length]
        overlap = np.minimum((i + 1) * length, (j + 1) * size) - np.maximum(i * length, j * size)
        return overlap.clip(0).astype(object)

    sums = weights(pixels.shape[0]) @ pixels.astype(object) @ weights(pixels.shape[1]).T
    return ((2 * sums + pixels.size) // (2 * pixels.size)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(32, 32), (33, 57), (64, 32), (47, 90), (32, 200)])
def test_it_is_the_mean_over_each_area(shape: tuple[int, int]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    assert (shrink_exactly(noise, 32) == by_definition(noise, 32)).all()


def test_halves_are_rounded_up() -> None:
    assert shrink_exactly(np.tile(np.array([[0, 1], [1, 0]], np.uint8), (32, 32)), 32).min() == 1


@pytest.mark.parametrize("shape", [(2048, 1500), (1024, 8192)])
def test_the_largest_scan_stays_exact(shape: tuple[int, int]) -> None:
    assert (shrink_exactly(np.full(shape, 255, np.uint8), 1024) == 255).all()


@pytest.mark.parametrize("shape", [(224, 224), (512, 512), (300, 700)])
def test_it_is_within_a_grey_level_of_opencv(shape: tuple[int, int]) -> None:
    pixels = scan(3, shape)
    theirs = cv2.resize(pixels, (224, 224), interpolation=cv2.INTER_AREA)
    assert np.abs(preprocess(pixels, EXACT)[0, 0].astype(int) - theirs).max() <= 1


def test_grey_levels_are_those_recorded() -> None:
    """CI runs the same on 64-bit Arm: ``.ci/aarch64 python tests/exact_resize.py``."""
    assert digest() == RECORDED


def test_what_grows_is_left_to_opencv() -> None:
    assert preprocess(scan(1, (100, 300)), EXACT).shape == (1, 1, 224, 224)
    with pytest.raises(ValueError, match="interpolation 'AREA_EXACT' is unknown"):
        PreprocessSpec(enlarge="AREA_EXACT")
