"""What the phantoms are drawn with: soft shapes, vessels, haze and a detector's noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.float32]
    Points = list[tuple[float, float]]

# How many times larger than asked for a picture is drawn.
OVERSAMPLING = 2


class Canvas:
    """Soft shapes as float32 masks in 0..1 on a picture of ``[height, width]``."""

    def __init__(self, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.x: Image = np.asarray((np.arange(width) + 0.5) / width, np.float32)[None, :]
        self.y: Image = np.asarray((np.arange(height) + 0.5) / height, np.float32)[:, None]

    def distance(self, cx: float, cy: float, rx: float, ry: float) -> Image:
        """Distance from a point, in units of ``rx`` across and ``ry`` down."""
        across, down = ((self.x - cx) / rx) ** 2, ((self.y - cy) / ry) ** 2
        return np.asarray(np.sqrt(across + down), np.float32)

    def ellipse(self, cx: float, cy: float, rx: float, ry: float, soft: float = 0.003) -> Image:
        """Fill an ellipse whose edge is ``soft`` wide."""
        radius = self.distance(cx, cy, rx, ry)
        t = np.clip((1 - radius) * min(rx, ry) / soft + 0.5, 0, 1)
        return np.asarray(t * t * (3 - 2 * t), np.float32)

    def polygon(self, *outlines: Points, soft: float = 0.002) -> Image:
        """Fill the closed splines through ``outlines``."""
        mask = np.zeros((self.height, self.width), np.uint8)
        for points in outlines:
            cv2.fillPoly(mask, [self._fixed(spline(np.array(points)))], 255, cv2.LINE_AA, 4)
        return self.blur(np.asarray(mask / 255, np.float32), soft)

    def line(self, mask: Image, points: NDArray[np.float64], width: float, value: float = 1.0) -> None:
        """Draw a polyline into ``mask``; one thinner than a pixel comes out fainter instead."""
        pixels = width * self.width
        level = value * min(1.0, pixels)
        cv2.polylines(mask, [self._fixed(points)], False, level, max(1, round(pixels)), cv2.LINE_8, 4)

    def blur(self, image: Image, sigma: float) -> Image:
        """Gaussian blur, ``sigma`` in widths of the picture."""
        return np.asarray(cv2.GaussianBlur(image, (0, 0), max(sigma * self.width, 0.4)), np.float32)

    def texture(self, rng: np.random.Generator, grain: float) -> Image:
        """Smooth noise of unit deviation; drawn coarse, so that a seed looks alike at every size."""
        cells = max(4, round(1 / grain))
        coarse = rng.standard_normal((cells, cells)).astype(np.float32)
        smooth = cv2.resize(coarse, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(smooth, np.float32)

    def empty(self) -> Image:
        """Nothing yet."""
        return np.zeros((self.height, self.width), np.float32)

    def _fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.round(points * (self.width * 16, self.height * 16)).astype(np.int32)


def vessels(
    canvas: Canvas,
    rng: np.random.Generator,
    outline: Points,
    hilum: tuple[float, float],
    width: float,
    dots: int,
) -> Image:
    """Vessels that branch from the hilum towards the pleura and taper, and some cut across as dots."""
    mask = canvas.empty()
    centre = np.mean(outline, axis=0)
    targets = np.array(outline) * 0.97 + centre * 0.03
    outward = [point for point in targets if np.hypot(*(point - hilum)) > 0.13]
    for target in outward:
        _branch(canvas, rng, mask, np.array(hilum), target, width * rng.uniform(0.5, 0.9), 3)
    for _ in range(dots):
        along = rng.uniform(0.15, 0.9)
        target = targets[rng.integers(len(targets))]
        x, y = hilum + (target - hilum) * along + rng.normal(0, 0.02, 2)
        dot = np.array([(x, y), (x + 1e-4, y)])
        canvas.line(mask, dot, width * rng.uniform(0.3, 0.75) * (1.15 - along), rng.uniform(0.6, 1.0))
    return canvas.blur(mask, 0.0009)


def _branch(
    canvas: Canvas,
    rng: np.random.Generator,
    mask: Image,
    start: NDArray[np.float64],
    target: NDArray[np.float64],
    width: float,
    generations: int,
) -> None:
    """One vessel a third of the way to ``target``, bent a little, then two thinner ones."""
    way = target - start
    across = np.array([-way[1], way[0]])
    end = start + way * rng.uniform(0.30, 0.42) + across * rng.normal(0, 0.07)
    middle = (start + end) / 2 + across * rng.normal(0, 0.035)
    canvas.line(mask, np.stack([start, middle, end]), width, 0.45 + 0.55 * min(1.0, width / 0.008))
    if generations and width > 0.0006:
        for turn in (-1, 1):
            fork = target + across * turn * rng.uniform(0.15, 0.5) - way * rng.uniform(0, 0.15)
            _branch(canvas, rng, mask, end, fork, width * rng.uniform(0.55, 0.75), generations - 1)


def ground_glass(
    canvas: Canvas, rng: np.random.Generator, image: Image, outline: Points, lung_level: float, rise: float
) -> Image:
    """Haze an outer patch of a lung: brighter, uneven, its vessels still to be seen."""
    centre = np.mean(outline, axis=0)
    lateral = [point for point in outline if abs(point[0] - 0.5) > abs(centre[0] - 0.5)]
    x, y = np.array(lateral[rng.integers(len(lateral))]) * 0.78 + centre * 0.22
    rx, ry = rng.uniform(0.055, 0.095), rng.uniform(0.06, 0.105)
    warp = 0.35 * canvas.texture(rng, 0.08) + 0.18 * canvas.texture(rng, 0.025)
    radius = canvas.distance(x, y, rx, ry) + warp
    patch = np.clip(1.45 - radius, 0, 1) * canvas.polygon(outline, soft=0.003)
    dense = rise * (0.72 + 0.13 * canvas.texture(rng, 0.012))
    # What is dense already gains less: the haze replaces air, and vessels hold none.
    room = np.clip(1 - (image - lung_level) / 190, 0.1, 1)
    return (image + canvas.blur(patch.astype(np.float32), 0.004) * dense * room).astype(np.float32)


def vary(points: Points, rng: np.random.Generator) -> Points:
    """Another patient: the outline stretched about its middle and each point moved a little."""
    array = np.array(points)
    centre = array.mean(axis=0)
    varied = centre + (array - centre) * rng.uniform(0.97, 1.01, 2) + rng.normal(0, 0.0035, array.shape)
    return [(float(x), float(y)) for x, y in varied]


def spline(points: NDArray[np.float64], per_segment: int = 16) -> NDArray[np.float64]:
    """Close a Catmull-Rom spline through ``points``."""
    p0, p1, p2, p3 = (np.roll(points, shift, axis=0)[:, None] for shift in (1, 0, -1, -2))
    t = np.linspace(0, 1, per_segment, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return np.asarray(0.5 * curve.reshape(-1, 2))


def over(image: Image, mask: Image, value: float | Image) -> Image:
    """Lay ``value`` over ``image`` where ``mask`` is one."""
    return (image * (1 - mask) + mask * value).astype(np.float32)


def finish(image: Image, height: int, width: int, rng: np.random.Generator, grain: float) -> NDArray[np.uint8]:
    """Place the patient a little off centre, reduce to the size asked for and add the detector's noise."""
    full_height, full_width = image.shape
    place = cv2.getRotationMatrix2D((full_width / 2, full_height / 2), rng.uniform(-2, 2), rng.uniform(0.97, 1.03))
    place[:, 2] += np.multiply(rng.uniform(-0.012, 0.012, 2), (full_width, full_height))
    placed = cv2.warpAffine(image, place, (full_width, full_height), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(placed, (width, height), interpolation=cv2.INTER_AREA)
    noise = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 0.7)
    return np.clip(np.round(small + grain * noise / 0.4), 0, 255).astype(np.uint8)
