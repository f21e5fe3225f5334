"""Anatomy of the axial slice, in the grey levels of a lung window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samples.canvas import Canvas, over

if TYPE_CHECKING:
    from samples.canvas import Image, Points

# Grey levels of a lung window.
AIR, LUNG, FAT, MUSCLE, BLOOD, BONE = 6.0, 58.0, 178.0, 212.0, 224.0, 250.0

RIGHT_LUNG: Points = [
    (0.405, 0.275), (0.33, 0.255), (0.235, 0.30), (0.165, 0.39), (0.135, 0.50), (0.145, 0.61),
    (0.19, 0.71), (0.27, 0.775), (0.355, 0.785), (0.42, 0.735), (0.437, 0.66), (0.405, 0.585),
    (0.372, 0.525), (0.362, 0.44), (0.385, 0.345),
]  # fmt: skip
LEFT_LUNG: Points = [
    (0.575, 0.265), (0.66, 0.25), (0.755, 0.295), (0.83, 0.385), (0.865, 0.50), (0.855, 0.61),
    (0.81, 0.71), (0.73, 0.775), (0.645, 0.785), (0.60, 0.735), (0.603, 0.665), (0.645, 0.605),
    (0.705, 0.545), (0.712, 0.45), (0.665, 0.36), (0.605, 0.31),
]  # fmt: skip


def thorax(canvas: Canvas, rng: np.random.Generator) -> Image:
    """Everything of the slice but the lungs: table, skin, fat, muscle, bones, heart and great vessels."""
    image = canvas.empty() + AIR
    table = canvas.empty()
    for depth in (0.0, 0.035):
        xs = np.linspace(0.04, 0.96, 60)
        canvas.line(table, np.stack([xs, 0.925 + depth - 0.22 * (xs - 0.5) ** 2], 1), 0.004)
    image = over(image, canvas.blur(table, 0.001), 95)
    body = [
        (0.5, 0.158),
        (0.66, 0.148),
        (0.82, 0.195),
        (0.935, 0.33),
        (0.968, 0.5),
        (0.945, 0.67),
        (0.85, 0.815),
    ]
    body += [(0.68, 0.882), (0.5, 0.887)]
    body += [(1 - x, y) for x, y in reversed(body[1:-1])]
    image = over(image, canvas.polygon(body), MUSCLE)
    shrunk = [(0.5 + (x - 0.5) * 0.985, 0.52 + (y - 0.52) * 0.985) for x, y in body]
    inside = canvas.polygon(shrunk)
    image = over(image, inside, FAT + 4 * canvas.texture(rng, 0.02))
    for side in (-1, 1):
        # Pectoral, serratus and latissimus, then the muscles along the spine.
        for x, y, rx, ry in ((0.2, 0.225, 0.16, 0.03), (0.4, 0.47, 0.025, 0.16), (0.31, 0.79, 0.13, 0.04)):
            muscle = canvas.ellipse(0.5 + side * x, y, rx, ry, 0.012) * inside
            image = over(image, muscle, MUSCLE + 3 * canvas.texture(rng, 0.02))
        image = over(image, canvas.ellipse(0.5 + side * 0.075, 0.825, 0.062, 0.042, 0.01), MUSCLE)
    image = over(image, canvas.ellipse(0.5, 0.52, 0.392, 0.292, 0.006), MUSCLE - 4)
    image = _ribs(canvas, image)
    image = over(image, canvas.ellipse(0.5, 0.47, 0.14, 0.22, 0.02), FAT + 14)
    heart = [
        (0.44, 0.33),
        (0.52, 0.30),
        (0.61, 0.345),
        (0.69, 0.43),
        (0.695, 0.52),
        (0.63, 0.585),
        (0.53, 0.60),
    ]
    heart += [(0.43, 0.57), (0.385, 0.49), (0.395, 0.40)]
    image = over(image, canvas.polygon(heart, soft=0.004), BLOOD - 6)
    for x, y, rx, ry in (
        (0.445, 0.44, 0.045, 0.075),
        (0.515, 0.385, 0.06, 0.045),
        (0.615, 0.46, 0.055, 0.075),
    ):
        image = over(image, 0.7 * canvas.ellipse(x, y, rx, ry, 0.025), BLOOD + 6)
    image = over(image, 0.8 * canvas.ellipse(0.505, 0.535, 0.07, 0.035, 0.02), BLOOD + 5)
    image = over(image, canvas.ellipse(0.525, 0.618, 0.018, 0.013, 0.008), MUSCLE - 8)
    image = _spine(canvas, image)
    image = over(image, canvas.ellipse(0.568, 0.668, 0.039, 0.039, 0.01), MUSCLE - 14)
    return over(image, canvas.ellipse(0.568, 0.668, 0.035, 0.035, 0.004), BLOOD + 6)


def _ribs(canvas: Canvas, image: Image) -> Image:
    """Ribs cut obliquely, as long bright pieces along the chest wall with marrow inside, and the sternum."""
    cortex, marrow = canvas.empty(), canvas.empty()
    for centre in (-62, -33, -8, 15, 37, 58):
        for side in (-1, 1):
            angles = np.deg2rad(centre + np.linspace(-8.5, 8.5, 12))
            bend = 1 + 0.028 * np.linspace(-1, 1, 12) * np.sign(centre)
            xs = 0.5 + side * 0.400 * np.cos(angles) * bend
            arc = np.stack([xs, 0.52 + 0.297 * np.sin(angles) * bend], 1)
            canvas.line(cortex, arc, 0.021)
            canvas.line(marrow, arc[1:-1], 0.010)
    sternum = canvas.ellipse(0.5, 0.212, 0.066, 0.021, 0.004)
    image = over(image, np.maximum(canvas.blur(cortex, 0.0015), sternum), BONE)
    image = over(image, 0.7 * canvas.blur(marrow, 0.0015), 224)
    return over(image, 0.7 * canvas.ellipse(0.5, 0.212, 0.056, 0.012, 0.005), 226)


def _spine(canvas: Canvas, image: Image) -> Image:
    """Vertebral body with its cortex, the canal, and the processes behind it."""
    processes = canvas.empty()
    for side in (-1, 1):
        arch = np.array([(0.5 + side * 0.03, 0.735), (0.5 + side * 0.04, 0.785), (0.5, 0.815)])
        canvas.line(processes, arch, 0.017)
        transverse = np.array([(0.5 + side * 0.035, 0.77), (0.5 + side * 0.075, 0.79), (0.5 + side * 0.1, 0.783)])
        canvas.line(processes, transverse, 0.021)
    canvas.line(processes, np.array([(0.5, 0.81), (0.498, 0.868)]), 0.016)
    image = over(image, canvas.ellipse(0.5, 0.775, 0.028, 0.026), MUSCLE - 12)
    image = over(image, canvas.blur(processes, 0.002), BONE)
    body = [
        (0.5, 0.632),
        (0.545, 0.645),
        (0.56, 0.69),
        (0.54, 0.735),
        (0.5, 0.74),
        (0.46, 0.735),
        (0.44, 0.69),
    ]
    body += [(0.455, 0.645)]
    image = over(image, canvas.polygon(body), BONE)
    inside = [(0.5 + (x - 0.5) * 0.86, 0.687 + (y - 0.687) * 0.86) for x, y in body]
    return over(image, 0.75 * canvas.polygon(inside, soft=0.004), 228)


def bronchus(canvas: Canvas, hilum: tuple[float, float], part: int) -> Image:
    """Lumen (``part`` 1) or wall with its artery (-1) of the bronchus at a lung's hilum."""
    x, y = hilum[0] + (0.5 - hilum[0]) * 0.12, hilum[1] + 0.035
    if part == 1:
        return canvas.ellipse(x, y, 0.0125, 0.0155, 0.004)
    artery = canvas.ellipse(x + (0.012 if hilum[0] > 0.5 else -0.012), y - 0.028, 0.019, 0.017, 0.006)
    return np.maximum(canvas.ellipse(x, y, 0.0195, 0.0225, 0.005), artery)
