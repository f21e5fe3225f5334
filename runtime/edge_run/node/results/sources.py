"""The series that is answered: what its files say of patient, study and images, without their pixels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_run._files.read import load
from edge_run.errors import InputError
from edge_run.scan.dicom.parse import parse
from edge_run.scan.dicom.quiet import quiet
from edge_run.scan.read import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pydicom import Dataset

PATIENT = (
    "PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "OtherPatientIDsSequence",
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
STUDY = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianName", "StudyDescription", "ProcedureCodeSequence",
)  # fmt: skip
TEXT = ("SpecificCharacterSet", "TimezoneOffsetFromUTC")
"""Without these, what is copied would mean something else."""

INHERITED = (*PATIENT, *STUDY, *TEXT)
"""What every object has from the source, as it stands there."""

_IMAGE = (
    "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesNumber", "Modality", "InstanceNumber", "ImageType",
    "BodyPartExamined", "Laterality", "ImageLaterality", "PatientOrientation", "Rows", "Columns", "NumberOfFrames",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "PixelSpacing", "ImagerPixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "ImagePositionPatient", "ImageOrientationPatient", "LossyImageCompression",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "SamplesPerPixel", "PhotometricInterpretation",
)  # fmt: skip
_IDENTITY = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """The images of a series.

    Attributes
    ----------
    images
        Their elements, without pixels, by instance number; at least one.
    sha256
        Hashes of the files, sorted.
    """

    images: tuple[Dataset, ...]
    sha256: tuple[str, ...]

    @property
    def first(self) -> Dataset:
        """The image that stands for patient and study."""
        return self.images[0]

    @property
    def uid(self) -> str:
        """Its Series Instance UID."""
        return str(self.first.SeriesInstanceUID)

    @property
    def modality(self) -> str:
        """DICOM's term, ``CT``."""
        return str(self.first.get("Modality") or "")

    def image(self, instance_uid: str) -> Dataset | None:
        """Return the image with a SOP Instance UID."""
        return next((image for image in self.images if image.SOPInstanceUID == instance_uid), None)


def read_sources(paths: Sequence[Path]) -> SourceSeries:
    """Read the headers of a series; files that cannot be read or parsed are left out.

    Raises
    ------
    InputError
        None of them says which study, series and image it is, or they are of several series.
    """
    images: list[Dataset] = []
    hashes = []
    for path in paths:
        try:
            data = load(path, MAX_BYTES)
        except InputError:
            continue
        hashes.append(hashlib.sha256(data).hexdigest())
        found = _header(data)
        if found is not None:
            images.append(found)
    if not images:
        raise InputError("no file of the series says which study and image it is")
    if len({(str(image.StudyInstanceUID), str(image.SeriesInstanceUID)) for image in images}) > 1:
        raise InputError("the files are of several series")
    images.sort(key=lambda image: (_number(image.get("InstanceNumber")), str(image.SOPInstanceUID)))
    distinct = {str(image.SOPInstanceUID): image for image in images}
    return SourceSeries(tuple(distinct.values()), tuple(sorted(hashes)))


def _header(data: bytes) -> Dataset | None:
    with quiet:
        try:
            dataset = parse(data, MAX_BYTES, (*INHERITED, *_IMAGE))
            # pydicom decodes an element when it is asked for: here, where an error means no more than a missing value.
            for keyword in (*INHERITED, *_IMAGE):
                _drop_unreadable(dataset, keyword)
            return dataset if all(dataset.get(keyword) for keyword in _IDENTITY) else None
        except Exception:  # noqa: BLE001 - of a damaged file pydicom raises anything
            return None


def _drop_unreadable(dataset: Dataset, keyword: str) -> None:
    try:
        dataset.get(keyword)
    except Exception:  # noqa: BLE001 - as above
        delattr(dataset, keyword)


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0
