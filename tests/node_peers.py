"""Peers of a node on loopback, for its tests: DCMTK's programs, pynetdicom, and series of phantoms."""

from __future__ import annotations

import shutil
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dicoms
from edge_run.node.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

pytest.importorskip("pynetdicom")


def settings(folder: Path, **changes: Any) -> Settings:
    """Settings of a node on a free port of this machine, that waits for nothing longer than a test does."""
    return Settings(**{"port": 0, "folder": str(folder), "min_free_gb": 0.0, **changes})


def dcmtk(program: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run one of DCMTK's programs."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install dcmtk")
    words = [program, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def slices(count: int, series: str = "2.25.101", *, size: int = 64, **changes: Any) -> list[FileDataset]:
    """A series of drawn CT slices of nobody."""
    rng = np.random.default_rng(0)
    made = []
    for n in range(1, count + 1):
        elements = {
            "SOPInstanceUID": f"{series}.{n}",
            "SeriesInstanceUID": series,
            "StudyInstanceUID": f"{series}.0",
            "InstanceNumber": n,
            "ImagePositionPatient": [0, 0, n],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
            "PatientID": "SECRET-ID",
            "PatientName": "Secret^Name",
            "PatientBirthDate": "19700101",
            "PatientSex": "O",
            "AccessionNumber": "SECRET-7",
            "StudyDate": "20260101",
            "StudyTime": "120000",
            "StudyID": "1",
            "ReferringPhysicianName": "",
            "SeriesNumber": 1,
            "FrameOfReferenceUID": f"{series}.9",
        }
        dataset = dicoms.ct(rng.integers(-1000, 400, (size, size)), **(elements | changes))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        made.append(dataset)
    return made


def write(datasets: list[FileDataset], folder: Path) -> list[Path]:
    """Write files for `storescu`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n}.dcm" for n in range(len(datasets))]
    for path, dataset in zip(paths, datasets, strict=True):
        path.write_bytes(dicoms.encode(dataset))
    return paths


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
