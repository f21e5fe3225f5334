"""Where a run comes from: its data, the versions of the packages, the commit."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run._version import __version__

from .run import DataRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .data.samples import Dataset

VERSIONED = ("numpy", "opencv-python-headless", "torch", "torchvision", "lightning", "safetensors")


def describe_data(dataset: Dataset, folders: Sequence[Path]) -> DataRecord:
    """Describe a data set by the names of its folders, its fingerprint and its counts."""
    counts: dict[str, dict[str, int]] = {}
    for sample in dataset.samples:
        split = counts.setdefault(sample.split, dict.fromkeys(dataset.labels, 0))
        split[sample.label] += 1
    names = tuple(Path(folder).resolve().name for folder in folders)
    return DataRecord(names, dataset.fingerprint, dataset.split_source, counts, dataset.warnings)


def package_versions() -> dict[str, str]:
    """Return the versions of edge-run and of what decides a training, and the commit of a source checkout."""
    versions = {"edge-run": __version__}
    for package in VERSIONED:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "unknown"
    commit = _commit()
    return versions | ({"commit": commit} if commit else {})


def _commit() -> str:
    """Return the commit of a source checkout, empty for an installed package."""
    root = Path(__file__).parents[2]
    git = shutil.which("git")
    if not (root / ".git").exists() or git is None:
        return ""
    answer = subprocess.run(  # noqa: S603 - fixed arguments
        [git, "-C", os.fspath(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip()
