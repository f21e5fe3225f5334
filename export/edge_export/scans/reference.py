"""Drawn scans that travel with a bundle, so that a device can check itself without anybody's image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.scan import read as image
from edge_run.scan.preprocessing import PreprocessSpec, preprocess

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT = 4
CANDIDATES = 12
"""So many are drawn; those are kept whose answers are clear, see :mod:`edge_export.gate.reference_choice`."""

HEIGHT, WIDTH = 384, 448


def draw(seed: int) -> NDArray[np.uint8]:
    """Ellipses under smooth noise, ``[384, 448] uint8``: every grey level, edges in all directions."""
    rng = np.random.default_rng(seed)
    canvas = np.full((HEIGHT, WIDTH), rng.uniform(0, 40), np.float32)
    for _ in range(14):
        centre = (int(rng.uniform(0, WIDTH)), int(rng.uniform(0, HEIGHT)))
        axes = (int(rng.uniform(10, 150)), int(rng.uniform(10, 120)))
        cv2.ellipse(canvas, centre, axes, rng.uniform(0, 180), 0, 360, rng.uniform(20, 255), -1, cv2.LINE_AA)
    noise = cv2.GaussianBlur(rng.normal(0, 60, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), 3)
    return np.asarray(np.clip(canvas + noise, 0, 255), dtype=np.uint8)


def reference_image(number: int = 0) -> bytes:
    """One of the drawn scans as PNG."""
    ok, encoded = cv2.imencode(".png", draw(number))
    if not ok:
        raise RuntimeError("OpenCV cannot write PNG")
    return bytes(encoded)


def reference_scans(spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Draw the candidates, ``[12, 1, size, size] uint8``, each read from its PNG and preprocessed."""
    pixels = [image.read(reference_image(number)).pixels for number in range(CANDIDATES)]
    return np.concatenate([preprocess(one, spec) for one in pixels])
