"""Series for measurements: a few drawings under many UIDs, written in a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samples.dicom_series import ct_image

if TYPE_CHECKING:
    from pathlib import Path

_DRAWINGS = 4


def write_long_series(folder: Path, slices: int, *, seed: int, size: int = 512) -> list[Path]:
    """Write a series of smooth noise with UIDs of its own; returns its files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    drawings = [rng.integers(0, 256, (size, size), dtype=np.uint8) for _ in range(_DRAWINGS)]
    paths = []
    for index in range(slices):
        path = folder / f"{index + 1:04}.dcm"
        ct_image(drawings[index % _DRAWINGS], index, seed).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
