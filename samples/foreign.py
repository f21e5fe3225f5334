"""Draw images that are no chest CT: what may be given to a bundle by mistake, from a seed, of nobody and nowhere.

Photographs come in colour, as a camera gives them; the rest is grey.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)


def landscape(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw a photograph of hills under a sky, with trees and a sun, ``[size, size * 4 // 3, 3] uint8``."""
    rng = np.random.default_rng(seed)
    height, width = size, size * 4 // 3
    sky = np.linspace(0, 1, height)[:, None, None]
    image = (1 - sky) * rng.uniform(90, 220, 3) + sky * rng.uniform(150, 255, 3) + np.zeros((height, width, 1))
    image = np.ascontiguousarray(image)
    cv2.circle(image, (int(rng.integers(width)), int(height * rng.uniform(0.1, 0.35))), size // 14, (255, 245, 200), -1)
    x = np.arange(width)
    for layer in range(4):
        waves = [height * 0.06 / k * np.sin(k * x / width * 2 * np.pi + rng.uniform(0, 6.3)) for k in (1, 2, 3, 7)]
        ridge = height * (0.45 + 0.13 * layer) + sum(waves[1:], waves[0])
        outline = np.array([*zip(x, ridge, strict=True), (width, height), (0, height)], np.int32)
        cv2.fillPoly(image, [outline], tuple(float(c) for c in rng.uniform(20, 170, 3)))
    for _ in range(int(rng.integers(3, 25))):
        foot = (int(rng.integers(width)), int(rng.uniform(0.6, 1) * height))
        tall = int(rng.uniform(0.05, 0.2) * height)
        cv2.line(image, foot, (foot[0], foot[1] - tall), (60, 40, 25), max(2, tall // 9))
        cv2.circle(image, (foot[0], foot[1] - tall), tall // 2, tuple(float(c) for c in rng.uniform(20, 140, 3)), -1)
    return _developed(image + 12 * _cloud(rng, height, width)[..., None], rng)


def page(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw a photograph of a printed page, lit from one side, ``[size, size * 3 // 4, 3] uint8``."""
    rng = np.random.default_rng(seed)
    height, width = size, size * 3 // 4
    image = np.full((height, width, 3), rng.integers(215, 250, 3), np.uint8)
    scale, y = rng.uniform(0.35, 0.8), 0
    while (y := y + int(34 * scale)) < height - 8:
        words = ("".join(map(chr, rng.integers(97, 123, int(rng.integers(2, 10))))) for _ in range(9))
        cv2.putText(image, " ".join(words), (12, y), FONTS[seed % 3], scale, (25, 25, 30), 1, cv2.LINE_AA)
    light = 1 - 0.4 * np.linspace(0, 1, width)[:, None] * rng.uniform(0, 1)
    return _developed(image * light, rng)


def shapes(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw coloured boxes, discs and lines on a gradient, ``[size, size, 3] uint8``."""
    rng = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, size)[:, None, None] * np.ones((1, size, 1))
    image = np.ascontiguousarray(ramp * rng.uniform(0, 255, 3) + (1 - ramp) * rng.uniform(0, 255, 3))
    for _ in range(int(rng.integers(5, 30))):
        (a, b), colour = rng.integers(0, size, (2, 2)), tuple(float(c) for c in rng.uniform(0, 255, 3))
        kind = int(rng.integers(3))
        if kind == 0:
            cv2.rectangle(image, a.tolist(), b.tolist(), colour, -1)
        elif kind == 1:
            cv2.circle(image, a.tolist(), int(rng.integers(8, size // 4)), colour, -1)
        else:
            cv2.line(image, a.tolist(), b.tolist(), colour, int(rng.integers(1, 12)))
    return _developed(image, rng)


def clouds(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw coloured noise whose spectrum falls as 1/f, as that of natural scenes, ``[size, size, 3] uint8``."""
    rng = np.random.default_rng(seed)
    shared = _cloud(rng, size, size)
    image = np.stack([0.8 * shared + 0.4 * _cloud(rng, size, size) for _ in range(3)], axis=2)
    return _developed(128 + 55 * image, rng)


def noise(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw white noise, ``[size, size] uint8``."""
    return np.random.default_rng(seed).integers(0, 256, (size, size), np.uint8)


def blank(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw one grey, ``[size, size] uint8``."""
    return np.full((size, size), np.random.default_rng(seed).integers(0, 256), np.uint8)


def knee(seed: int = 0, size: int = 384) -> NDArray[np.uint8]:
    """Draw a lateral radiograph of a knee: femur, tibia, fibula and patella in soft tissue, ``[size, w] uint8``."""
    rng = np.random.default_rng(seed)
    height, width = size, size * 4 // 5
    bend, centre = rng.uniform(-0.12, 0.12), width * rng.uniform(0.46, 0.54)
    image = np.full((height, width), rng.uniform(6, 20), np.float32)
    joint, half = 0.5 * height, width * rng.uniform(0.08, 0.1)

    def limb(
        grey: float, thick: float, *, flares: float = 0.75, forward: float = 0.0, top: float = 0.0, bottom: float = 1.0
    ) -> None:
        y = np.arange(int(top * height), int(bottom * height))
        along = (y - joint) / height
        mid = centre + width * (forward + bend * np.abs(along) * 2)
        flare = thick * (1 + flares * np.exp(-np.square(along / 0.09)))
        for row, middle, wide in zip(y, mid, flare, strict=True):
            across = (np.arange(width) - middle) / wide
            # Thickest in the middle; a bone's shell is denser than its marrow.
            shell = 0.75 + 0.35 * np.clip(np.abs(across), 0, 1) ** 4
            image[row] += grey * np.sqrt(np.clip(1 - across**2, 0, 1)) * shell

    limb(75, 3.1 * half, flares=0.15)
    limb(105, half, bottom=0.485)
    limb(100, 0.95 * half, top=0.515)
    limb(45, 0.35 * half, forward=-0.13, top=0.6)
    patella = (int(centre + 2.1 * half), int(joint - 0.07 * height))
    bone = cv2.ellipse(np.zeros_like(image), (patella, (0.9 * half, 2.1 * half), 8), 1.0, -1)
    image += 70 * cv2.GaussianBlur(bone, (0, 0), size / 150)
    soft = cv2.GaussianBlur(image, (0, 0), size / 190) + 5 * _cloud(rng, height, width)
    return np.clip(soft + rng.normal(0, 2, soft.shape), 0, 255).astype(np.uint8)


FOREIGN: dict[str, Callable[[int], NDArray[np.uint8]]] = {
    "landscape": landscape,
    "page": page,
    "shapes": shapes,
    "clouds": clouds,
    "knee": knee,
    "noise": noise,
    "blank": blank,
}
"""Drawings by name; the first four are photographs."""


def _cloud(rng: np.random.Generator, height: int, width: int) -> NDArray[np.float64]:
    """Noise of spectrum 1/f, mean 0, deviation 1."""
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    radius[0, 0] = np.inf
    found = np.fft.irfft2(np.fft.rfft2(rng.normal(size=(height, width))) / radius, (height, width))
    return np.asarray(found / found.std(), dtype=np.float64)


def _developed(image: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Soften and grain, as a lens and a sensor do."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.7) + rng.normal(0, 3, image.shape)
    return np.asarray(np.clip(soft, 0, 255), dtype=np.uint8)
