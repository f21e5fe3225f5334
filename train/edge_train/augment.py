"""Training augmentation, after preprocessing: a pure function of (seed, epoch, scan).

No generator carries state from one scan to the next, so a training that was killed and resumed sees the same images
as one that was not, whatever the number of workers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
    contrast: float = 0.25
    brightness: float = 0.10
    gamma: float = 0.4
    noise: float = 6.0


NONE = Augmentation(rotate=0, zoom=0, shift=0, flip=0, contrast=0, brightness=0, gamma=0, noise=0)


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
    moved = cv2.warpAffine(pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _intensity(pixels: NDArray[np.uint8], s: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    gain, offset = 1 + rng.uniform(-s.contrast, s.contrast), rng.uniform(-s.brightness, s.brightness)
    levels = np.linspace(0, 1, 256) ** 2.0 ** rng.uniform(-s.gamma, s.gamma)
    table = np.clip((levels - 0.5) * gain + 0.5 + offset, 0, 1) * 255
    return np.asarray(table.round().astype(np.uint8)[pixels], dtype=np.uint8)


def _noise(pixels: NDArray[np.uint8], s: Augmentation, rng: np.random.Generator) -> NDArray[np.uint8]:
    deviation = rng.uniform(0, s.noise)
    noisy = pixels + deviation * rng.standard_normal(pixels.shape, dtype=np.float32)
    return np.asarray(np.clip(noisy.round(), 0, 255), dtype=np.uint8)
