"""Anatomy of the radiograph, as sums of what each part adds to the shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samples.canvas import Canvas, over, spline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samples.canvas import Image, Points

RIGHT_LUNG: Points = [
    (0.40, 0.155), (0.335, 0.145), (0.265, 0.19), (0.205, 0.30), (0.165, 0.44), (0.145, 0.58), (0.135, 0.70),
    (0.14, 0.765), (0.20, 0.715), (0.28, 0.68), (0.36, 0.69), (0.425, 0.725), (0.415, 0.62), (0.435, 0.50),
    (0.435, 0.38), (0.43, 0.25),
]  # fmt: skip
LEFT_LUNG: Points = [
    (0.60, 0.155), (0.665, 0.145), (0.735, 0.19), (0.795, 0.30), (0.835, 0.44), (0.858, 0.58), (0.868, 0.70),
    (0.865, 0.79), (0.82, 0.755), (0.765, 0.725), (0.735, 0.66), (0.675, 0.565), (0.605, 0.475), (0.58, 0.40),
    (0.59, 0.335), (0.57, 0.25),
]  # fmt: skip


def trunk(canvas: Canvas) -> Image:
    """Soft tissue of the radiograph: neck, shoulders, arms, abdomen, heart and mediastinum."""
    half: Points = [
        (0.585, -0.1),
        (0.59, 0.04),
        (0.66, 0.085),
        (0.84, 0.115),
        (0.96, 0.16),
        (1.06, 0.3),
        (1.1, 0.6),
    ]
    half += [(1.1, 1.15)]
    outline = half + [(1 - x, y) for x, y in reversed(half)]
    image = 12 + 118 * canvas.polygon(outline, soft=0.012)
    flank: Points = [
        (0.945, 0.34),
        (0.915, 0.5),
        (0.93, 0.75),
        (0.955, 1.1),
        (0.985, 1.1),
        (0.97, 0.75),
        (0.965, 0.5),
    ]
    for gap in (flank, [(1 - x, y) for x, y in flank]):
        image = over(image, 0.6 * canvas.polygon(gap, soft=0.008), 30)
    image += 26 * canvas.ellipse(0.5, 0.5, 0.42, 0.62, 0.3)
    image += 34 * canvas.ellipse(0.5, 0.98, 0.44, 0.30, 0.12)
    image += 30 * canvas.ellipse(0.5, 0.45, 0.12, 0.62, 0.09)
    heart = [
        (0.44, 0.42),
        (0.52, 0.38),
        (0.60, 0.44),
        (0.69, 0.56),
        (0.745, 0.66),
        (0.70, 0.735),
        (0.52, 0.745),
    ]
    heart += [(0.41, 0.71), (0.395, 0.62), (0.41, 0.5)]
    image += 22 * canvas.polygon(heart, soft=0.012) + 12 * canvas.ellipse(0.565, 0.325, 0.035, 0.032, 0.012)
    # Air of the trachea, its two main bronchi, and the bubble of the stomach.
    airway = canvas.empty()
    canvas.line(airway, np.array([(0.498, -0.02), (0.5, 0.2), (0.503, 0.335)]), 0.038)
    canvas.line(airway, np.array([(0.503, 0.33), (0.455, 0.40)]), 0.026)
    canvas.line(airway, np.array([(0.503, 0.33), (0.565, 0.405)]), 0.022)
    image -= 30 * canvas.blur(airway, 0.006)
    return image - 34 * canvas.ellipse(0.745, 0.81, 0.062, 0.032, 0.03)


def ribcage(canvas: Canvas, rng: np.random.Generator) -> Image:
    """Ten pairs of ribs: their backs fall gently to the side, their fronts steeply to the middle, fainter."""
    backs: list[NDArray[np.float64]] = []
    fronts: list[NDArray[np.float64]] = []
    t = np.linspace(0, 1, 40)
    for index in range(10):
        top = 0.125 + 0.060 * index + rng.normal(0, 0.002)
        drop = 0.055 + 0.014 * index
        reach = np.interp(top + drop, [0.17, 0.22, 0.30, 0.44, 0.58, 0.80], [0.20, 0.245, 0.300, 0.340, 0.362, 0.378])
        x = 0.04 + (reach - 0.04) * np.sin(t * np.pi / 2)
        y = top - 0.030 * np.sin(np.minimum(t * 2, 1) * np.pi) + drop * t**2.4
        front = y[-1] + (0.115 + 0.008 * index) * (1 - np.cos((1 - t) * np.pi / 2)) * 1.3
        for side in (-1, 1):
            backs.append(np.stack([0.5 + side * x, y], 1))
            if 0 < index < 7:
                fronts.append(np.stack([0.5 + side * x, front], 1)[13:])
    return 34 * _bones(canvas, backs, 0.027) + 19 * _bones(canvas, fronts, 0.030)


def skeleton(canvas: Canvas) -> Image:
    """Clavicles, shoulders and spine, as what they add to the soft tissue."""
    collar: Points = [(0.035, 0.198), (0.12, 0.185), (0.22, 0.172), (0.32, 0.138), (0.41, 0.118)]
    upper_arm: Points = [(0.475, 0.185), (0.50, 0.28), (0.52, 0.42), (0.53, 0.6)]
    blade: Points = [(0.40, 0.15), (0.425, 0.24), (0.40, 0.38), (0.365, 0.43), (0.345, 0.3), (0.33, 0.2)]
    added = 34 * _bones(canvas, [_across(collar, side) for side in (-1, 1)], 0.029)
    added += 30 * _bones(canvas, [_across(upper_arm, side) for side in (-1, 1)], 0.055)
    for side in (-1, 1):
        added += 20 * canvas.ellipse(0.5 + side * 0.455, 0.175, 0.045, 0.040, 0.016)
    blades = ([(0.5 + side * x, y) for x, y in blade] for side in (-1, 1))
    added += 9 * canvas.polygon(*blades, soft=0.004)
    tops = [0.03 + 0.052 * index + 0.0009 * index**2 for index in range(15)]
    bodies = ([(0.458, y), (0.5, y + 0.003), (0.542, y), (0.538, y + 0.04), (0.462, y + 0.04)] for y in tops)
    added += 9 * canvas.polygon(*bodies, soft=0.004)
    spinous = canvas.empty()
    for y in tops:
        canvas.line(spinous, np.array([(0.5, y + 0.018), (0.5, y + 0.038)]), 0.012)
    return added + 5 * canvas.blur(spinous, 0.003)


def _across(points: Points, side: int) -> NDArray[np.float64]:
    """Smooth open curve through points given as distances from the midline, on one side of it."""
    array = np.array(points)
    curve = spline(np.concatenate([array, array[-2:0:-1]]))[: (len(points) - 1) * 16 + 1]
    return np.stack([0.5 + side * curve[:, 0], curve[:, 1]], 1)


def _bones(canvas: Canvas, curves: list[NDArray[np.float64]], width: float) -> Image:
    """Long bones in projection: bands whose two edges, their cortex, are denser."""
    band, core = canvas.empty(), canvas.empty()
    for curve in curves:
        canvas.line(band, curve, width)
        canvas.line(core, curve, width * 0.7)
    return canvas.blur(band, 0.0018) - 0.45 * canvas.blur(core, 0.0025)
