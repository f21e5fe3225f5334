"""Small DICOM series and answers to them, for tests of the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("highdicom")

from pydicom.uid import ComputedRadiographyImageStorage

from edge_run.heatmap import Maps
from edge_run.node.results import DecidingSlice, Finding, Proof, SeriesAnswer
from edge_run.voting.prediction import Flag
from samples.dicom_series import ct_image

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

SIZE = 48
PROOF = Proof(
    bundle="toy",
    bundle_sha256="b" * 64,
    case="0123456789ab",
    chain_head="c" * 64,
    answered_at="2026-07-29T14:00:01.250Z",
    precision="int8-cpu",
    backend="cpu",
    version="1.2.3",
    intended_use="Research only, not for diagnosis.",
)
FLAG = Flag("doubtful-slices", "1 of the 2 slices that decided are flagged")


def ct_series(folder: Path, slices: int = 3, seed: int = 0, **changes: Any) -> list[Path]:
    """Write CT images of noise; ``changes`` are set in every header, None drops an element."""
    return _write(folder, [ct_image(_noise(index), index, seed) for index in range(slices)], changes)


def radiograph(folder: Path, **changes: Any) -> list[Path]:
    """Write a computed radiograph, which has no frame of reference and no geometry."""
    image = ct_image(_noise(0), 0, 7)
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = ComputedRadiographyImageStorage
    image.Modality = "CR"
    for keyword in (
        "FrameOfReferenceUID", "PositionReferenceIndicator", "ImagePositionPatient", "ImageOrientationPatient",
        "SliceThickness", "SliceLocation", "PixelSpacing", "KVP", "AcquisitionNumber",
    ):  # fmt: skip
        delattr(image, keyword)
    return _write(folder, [image], changes)


def answer(paths: list[Path], finding: Finding = Finding.PRESENT, **changes: Any) -> SeriesAnswer:
    """Answer a series: its last two images decided."""
    from pydicom import dcmread

    probability = {Finding.PRESENT: 0.9371234567890123, Finding.ABSENT: 0.03, Finding.INDETERMINATE: 0.55}[finding]
    ramp = np.linspace(-3, 3, 16, dtype=np.float32).reshape(4, 4)
    deciding = tuple(
        DecidingSlice(
            dcmread(path, stop_before_pixels=True).SOPInstanceUID,
            probability,
            _noise(index),
            Maps("covid", ramp, {"a": ramp}, 4.0),
        )
        for index, path in enumerate(paths[-2:])
    )
    values: dict[str, Any] = {
        "positive": "covid",
        "label": "non_covid" if finding is Finding.ABSENT else "covid",
        "probability": probability,
        "deciding": deciding,
        "slices": len(paths),
    }
    return SeriesAnswer(finding, **(values | changes))


def answers(paths: list[Path]) -> dict[str, SeriesAnswer]:
    """Every kind of answer to one series, by name."""
    return {
        "present": answer(paths, flags=(FLAG,)),
        "absent": answer(paths, Finding.ABSENT),
        "early": answer(paths, interval=(0.9, 0.97), version=2),
        "abstains": answer(paths, Finding.INDETERMINATE, flags=(Flag("no-sound-slice", "every slice is flagged"),)),
        "partly": answer(paths, unreadable=1),
        "another finding": answer(paths, positive="pneumothorax", flags=(Flag("new-flag", "it is new"),)),
        "failed": SeriesAnswer.failed("covid", "no image could be decoded.", unreadable=len(paths)),
    }


def _noise(seed: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE), np.uint8)


def _write(folder: Path, images: list[FileDataset], changes: dict[str, Any]) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index, image in enumerate(images):
        for keyword, value in changes.items():
            if value is None:
                delattr(image, keyword)
            else:
                setattr(image, keyword, value)
        path = folder / f"{index}.dcm"
        image.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
