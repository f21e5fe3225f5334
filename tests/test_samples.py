from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_run.scan import read as image
from samples import SAMPLES
from samples.dataset import write_dataset
from samples.draw import chest_ct, chest_xray


@pytest.mark.parametrize(("name", "draw"), [("ct.png", chest_ct), ("cxr.png", chest_xray)])
def test_committed_sample_is_what_the_script_draws(name: str, draw: object) -> None:
    path = SAMPLES / name
    assert path.stat().st_size < 200_000
    difference = np.abs(image.read(path).pixels.astype(int) - draw())
    # Another OpenCV rounds a few edge pixels otherwise.
    assert np.quantile(difference, 0.999) <= 1
    assert difference.max() <= 16


def test_seeds_are_repeatable_and_differ() -> None:
    first = chest_xray(seed=1, size=96)
    np.testing.assert_array_equal(first, chest_xray(seed=1, size=96))
    assert first.shape == (96, 80)
    assert np.abs(first.astype(int) - chest_xray(seed=2, size=96)).mean() > 2


def test_dataset_shows_its_classes(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "data", per_split={"train": 4, "val": 2})
    with (folder / "splits.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    splits_of_group: dict[str, set[str]] = {}
    haze: dict[str, list[float]] = {"covid": [], "non_covid": []}
    for row in rows:
        splits_of_group.setdefault(row["group"], set()).add(row["split"])
        pixels = cv2.imread(str(folder / row["path"]), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (96, 96)
        # Grey between that of aerated lung and of soft tissue.
        haze[row["label"]].append(float(((pixels > 95) & (pixels < 170)).mean()))
    assert all(len(splits) == 1 for splits in splits_of_group.values())
    assert min(haze["covid"]) > max(haze["non_covid"])


def test_dataset_is_drawn_from_any_folder_by_module_and_by_file(tmp_path: Path) -> None:
    script = Path(__file__).parents[1] / "samples" / "dataset.py"
    done = subprocess.run(
        [sys.executable, script, "scans", "1"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "scans" / "splits.csv").exists()
