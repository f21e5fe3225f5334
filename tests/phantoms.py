"""Phantom scans for tests: the drawings of samples/draw.py, alone or as a small data set."""

from __future__ import annotations

import csv
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

SAMPLES = Path(__file__).parents[1] / "samples"
# Labels whose phantoms have no opacities; those of every other label have several.
HEALTHY = frozenset({"non_covid", "normal", "negative"})


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw", SAMPLES / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its own modules lie beside it, as when it is run as a script.
    sys.path.insert(0, str(SAMPLES))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SAMPLES))
    return module


_draw = _load()
chest_ct = _draw.chest_ct
chest_xray = _draw.chest_xray


def write_dataset(
    folder: Path,
    labels: Sequence[str] = ("covid", "non_covid"),
    per_split: int | Mapping[str, int] = 4,
    size: int = 96,
) -> Path:
    """Write a data set of small chest CT phantoms, two to a patient, whose class is to be seen.

    Parameters
    ----------
    folder
        Receives ``<label>/*.png`` and ``splits.csv`` (path, label, split, group).
    labels
        Class names; those in :data:`HEALTHY` are drawn without opacities.
    per_split
        Images per label in each of ``train``, ``val`` and ``test``, or in the splits named.
    size
        Height and width, pixels.

    Returns
    -------
    ``folder``.
    """
    counts = dict.fromkeys(("train", "val", "test"), per_split) if isinstance(per_split, int) else dict(per_split)
    rows: list[tuple[str, str, str, str]] = []
    for label in labels:
        (folder / label).mkdir(parents=True, exist_ok=True)
        for split, count in counts.items():
            for index in range(count):
                name = f"{label}/{split}-{index}.png"
                pixels = chest_ct(seed=len(rows), size=size, opacities=0 if label in HEALTHY else 5)
                cv2.imwrite(str(folder / name), pixels)
                rows.append((name, label, split, f"{label}-{split}-{index // 2}"))
    with (folder / "splits.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "split", "group"))
        writer.writerows(rows)
    return folder
