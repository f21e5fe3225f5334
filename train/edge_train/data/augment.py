"""Training augmentation, after preprocessing: a pure function of (seed, epoch, scan).

No generator carries state from one scan to the next, so a training that was killed and resumed sees the same images
as one that was not, whatever the number of workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import cv2
import msgspec
import numpy as np

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray


ASPECT = np.log(4 / 3)
"""Largest logarithm of a crop's width over its height."""


class Augmentation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ranges of the random changes.

    Attributes
    ----------
    rotate
        Degrees to either side.
    zoom
        Relative scale to either side of 1.
    shift
        Translation to either side, share of the side.
    flip
        Probability of a left-right mirror.
    crop
        Smallest share of the area that a random crop keeps; the crop is resized to the whole. 1 crops nothing.
    contrast, brightness
        Relative gain, and offset as a share of the full range, to either side.
    gamma
        Exponent ``2 ** u`` with u to either side.
    noise
        Largest standard deviation of Gaussian noise, grey levels.
    """

    rotate: float = 12.0
    zoom: float = 0.15
    shift: float = 0.06
    flip: float = 0.5
    crop: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.6
    contrast: float = 0.25
    brightness: float = 0.10
    gamma: float = 0.4
    noise: float = 6.0

    def __post_init__(self) -> None:
        values = msgspec.structs.asdict(self)
        wrong = [f"{name} {value}" for name, value in values.items() if not 0 <= value < np.inf]
        if wrong or self.flip > 1 or self.zoom >= 1:
            raise UsageError(
                f"augmentation is out of range: {', '.join(wrong) or f'flip {self.flip}, zoom {self.zoom}'}",
                hint="ranges are numbers from 0 up; flip is a probability, and zoom is below 1",
            )


NONE = Augmentation(rotate=0, zoom=0, shift=0, flip=0, crop=1, contrast=0, brightness=0, gamma=0, noise=0)


def augment(
    pixels: NDArray[np.uint8], settings: Augmentation, *, seed: int, epoch: int, index: int
) -> NDArray[np.uint8]:
    """Change ``pixels [H, W] uint8`` at random, never in place; the same arguments give the same bytes."""
    if settings == NONE:
        return pixels
    rng = np.random.default_rng((seed, epoch, index))
    return _noise(_intensity(_geometry(pixels, settings, rng), settings, rng), settings, rng)


def _geometry(pixels: NDArray[np.uint8], s: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = pixels.shape
    angle, zoom = rng.uniform(-s.rotate, s.rotate), 1 + rng.uniform(-s.zoom, s.zoom)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, zoom)
    move = rng.uniform(-s.shift, s.shift, 2) * (width, height)
    matrix = np.column_stack((matrix[:, :2], matrix[:, 2] + move))
    if rng.random() < s.flip:
        matrix = matrix @ np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]])
    if s.crop < 1:
        matrix = _crop(s.crop, width, height, rng) @ np.vstack((matrix, (0, 0, 1)))
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _crop(smallest: float, width: int, height: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Affine ``[2, 3]`` that enlarges a random part of the image, 3:4 to 4:3 in shape, to the whole."""
    area, shape = rng.uniform(smallest, 1), np.exp(rng.uniform(-ASPECT, ASPECT))
    wide, high = min(1.0, np.sqrt(area * shape)), min(1.0, np.sqrt(area / shape))
    left, top = rng.uniform(0, 1 - wide) * width, rng.uniform(0, 1 - high) * height
    # Pixel centres lie at whole numbers, so the edges of the image lie at -0.5 and at the side less 0.5.
    return np.array([[1 / wide, 0, (0.5 - left) / wide - 0.5], [0, 1 / high, (0.5 - top) / high - 0.5]])


def _intensity(pixels: NDArray[np.uint8], s: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    gain, offset = 1 + rng.uniform(-s.contrast, s.contrast), rng.uniform(-s.brightness, s.brightness)
    levels = np.linspace(0, 1, 256) ** 2.0 ** rng.uniform(-s.gamma, s.gamma)
    table = np.clip((levels - 0.5) * gain + 0.5 + offset, 0, 1) * 255
    return np.asarray(table.round().astype(np.uint8)[pixels], dtype=np.uint8)


def _noise(pixels: NDArray[np.uint8], s: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    deviation = rng.uniform(0, s.noise)
    noisy = pixels + deviation * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(np.clip(noisy.round(), 0, 255), dtype=np.uint8)
