"""Draw a small labelled data set of chest CT phantoms, to try the whole path without anybody's scans.

python -m samples.dataset FOLDER [SCANS_PER_LABEL_AND_SPLIT]
"""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

if not __package__:
    # Started as a file, `python samples/dataset.py`: begin again as the module that it is.
    checkout = {**os.environ, "PYTHONPATH": os.fspath(Path(__file__).resolve().parents[1])}
    os.execve(sys.executable, [sys.executable, "-m", "samples.dataset", *sys.argv[1:]], checkout)

from samples.draw import chest_ct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Labels whose phantoms have no opacities; those of every other label have several.
HEALTHY = frozenset({"non_covid", "normal", "negative"})


def write_dataset(
    folder: Path,
    labels: Sequence[str] = ("covid", "non_covid"),
    per_split: int | Mapping[str, int] = 4,
    size: int = 96,
) -> Path:
    """Write phantoms, two to a patient, whose class is to be seen.

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


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    print(write_dataset(Path(sys.argv[1]), per_split=int(sys.argv[2]) if len(sys.argv) > 2 else 16))
