"""The object that a check stores: a small grey square of a patient who is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from edge_run.node.results.uids import derived_uid

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.node.settings import Destination

PATIENT = "EDGE-RUN-CHECK"
_SIDE = 16


def probe_uid(destination: Destination, part: str = "instance") -> str:
    """Return a UID of the object: the same for each check of a destination, so that it is stored once."""
    address = destination.url or f"{destination.ae_title}@{destination.host}:{destination.port}"
    return derived_uid("check", part, address)


def write_probe(destination: Destination, path: Path) -> None:
    """Write the object's file."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID(probe_uid(destination))
    dataset = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    elements = {
        "SOPClassUID": SecondaryCaptureImageStorage,
        "SOPInstanceUID": probe_uid(destination),
        "StudyInstanceUID": probe_uid(destination, "study"),
        "SeriesInstanceUID": probe_uid(destination, "series"),
        "PatientName": "Check^Edge-run",
        "PatientID": PATIENT,
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyDate": "",
        "StudyTime": "",
        "StudyID": "1",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Modality": "OT",
        "Manufacturer": "edge-run",
        "ConversionType": "SYN",
        "SeriesDescription": "edge-run node check, may be deleted",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "PatientOrientation": "",
        "Laterality": "",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": _SIDE,
        "Columns": _SIDE,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "PixelData": bytes([128]) * _SIDE * _SIDE,
    }
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset["PixelData"].VR = "OB"
    dataset.save_as(path, enforce_file_format=True)
