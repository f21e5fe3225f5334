"""Draw the sample scans: phantoms of a chest CT and a chest X-ray, from a seed, of no real person.

    python -m samples.draw

writes ``ct.png`` and ``cxr.png`` beside this file. Shapes are laid out on a unit square (x to the right, y
down; the patient's right is on the left) and drawn larger than asked for, so that thin lines come out smooth.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from samples import ct, xray
from samples.canvas import OVERSAMPLING, Canvas, finish, ground_glass, over, vary, vessels

if TYPE_CHECKING:
    from numpy.typing import NDArray


def chest_ct(seed: int = 0, size: int = 512, opacities: int = 3) -> NDArray[np.uint8]:
    """Draw an axial slice of a chest at the level of the heart, in a lung window.

    Parameters
    ----------
    seed
        Of the anatomy, the vessels, the opacities and the noise.
    size
        Height and width, pixels.
    opacities
        Number of ground-glass patches, each in the outer part of a lung.

    Returns
    -------
    ``[size, size] uint8``.
    """
    rng = np.random.default_rng(seed)
    canvas = Canvas(size * OVERSAMPLING, size * OVERSAMPLING)
    right, left = vary(ct.RIGHT_LUNG, rng), vary(ct.LEFT_LUNG, rng)
    image = ct.thorax(canvas, rng)
    for outline, hilum in ((right, (0.375, 0.50)), (left, (0.70, 0.53))):
        lung = canvas.polygon(outline)
        air = ct.LUNG + 5 * canvas.texture(rng, 0.05) + 28 * (canvas.y - 0.5)
        # A slice cuts the tree: of most vessels only a piece lies in its plane.
        in_plane = np.clip(1.3 * canvas.texture(rng, 0.04) - 0.1, 0, 1)
        near = canvas.ellipse(*hilum, 0.09, 0.09, 0.09)
        air = over(air, vessels(canvas, rng, outline, hilum, 0.0135, 170) * np.maximum(in_plane, near), ct.BLOOD)
        image = over(image, lung, air)
        image = over(image, canvas.polygon(outline, soft=0.004) * ct.bronchus(canvas, hilum, -1), ct.BLOOD)
        image = over(image, ct.bronchus(canvas, hilum, 1), ct.AIR + 20)
    for index in range(opacities):
        outline = (right, left)[(index + seed) % 2]
        image = ground_glass(canvas, rng, image, outline, ct.LUNG, 118)
    return finish(image, size, size, rng, grain=4.0)


def chest_xray(seed: int = 0, size: int = 768, opacities: int = 0) -> NDArray[np.uint8]:
    """Draw a postero-anterior chest radiograph.

    Parameters
    ----------
    seed
        Of the anatomy, the vessels, the opacities and the noise.
    size
        Height, pixels; the width is five sixths of it.
    opacities
        Number of hazy patches in the outer part of the lungs.

    Returns
    -------
    ``[size, size * 5 // 6] uint8``.
    """
    rng = np.random.default_rng(seed)
    width = size * 5 // 6
    canvas = Canvas(size * OVERSAMPLING, width * OVERSAMPLING)
    outlines = (vary(xray.RIGHT_LUNG, rng), vary(xray.LEFT_LUNG, rng))
    image, lungs = xray.trunk(canvas), canvas.empty()
    for outline, hilum in zip(outlines, ((0.415, 0.45), (0.60, 0.43)), strict=True):
        lung = canvas.polygon(outline, soft=0.007)
        air = image - 92 + 26 * canvas.ellipse(hilum[0], hilum[1] + 0.04, 0.13, 0.2, 0.12)
        air += 3 * canvas.texture(rng, 0.03)
        fading = np.clip(1.2 - canvas.distance(*hilum, 0.33, 0.33), 0.12, 1)
        air += 40 * fading * canvas.blur(vessels(canvas, rng, outline, hilum, 0.014, 20), 0.0018)
        image = over(image, lung, air)
        lungs = np.maximum(lungs, lung)
    image += xray.ribcage(canvas, rng) * (0.45 + 0.55 * lungs) + xray.skeleton(canvas)
    for index in range(opacities):
        outline = outlines[(index + seed) % 2]
        image = ground_glass(canvas, rng, image, outline, 70, 52)
    return finish(image, size, width, rng, grain=1.4)


def main() -> None:
    """Write the two samples beside this file."""
    folder = Path(__file__).parent
    for name, pixels in (("ct.png", chest_ct()), ("cxr.png", chest_xray())):
        cv2.imwrite(str(folder / name), pixels, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{name}: {pixels.shape[1]}x{pixels.shape[0]}, {(folder / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
