"""Write a drawn chest CT series as DICOM files, to send to a node or an archive.

    python -m samples.dicom_series FOLDER [SLICES]

The patient is a drawing: PHANTOM^DRAWN. The same seed gives the same files.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian

from samples.draw import chest_ct

if TYPE_CHECKING:
    from numpy.typing import NDArray

WINDOW_CENTER, WINDOW_WIDTH = -600, 1500
"""Of the lung, Hounsfield units: the phantom's grey levels are those of a lung window."""


def write_series(folder: Path, slices: int = 12, seed: int = 0, size: int = 512) -> list[Path]:
    """Draw a series whose middle slices have opacities.

    Parameters
    ----------
    folder
        Is made; receives ``0001.dcm`` and so on.
    slices
        How many.
    seed
        Of the drawing and of the UIDs.
    size
        Rows and columns.

    Returns
    -------
    The files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(slices):
        middle = abs(index - (slices - 1) / 2) < slices / 4
        pixels = chest_ct(seed=100 * seed + index, size=size, opacities=4 if middle else 0)
        path = folder / f"{index + 1:04}.dcm"
        ct_image(pixels, index, seed).save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def ct_image(pixels: NDArray[np.uint8], index: int, seed: int = 0) -> FileDataset:
    """Make a CT image of a drawing.

    Parameters
    ----------
    pixels
        ``[H, W] uint8`` in a lung window.
    index
        Place of the slice in its series, from 0.
    seed
        Of the UIDs.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = _uid(seed, "image", str(index))
    image = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    image.update(_patient_and_study(seed))
    image.SOPClassUID = CTImageStorage
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    image.AcquisitionNumber = 1
    image.InstanceNumber = index + 1
    image.ImagePositionPatient = [-180, -180, 5 * index]
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.SliceThickness = 5
    image.PixelSpacing = [round(360 / len(pixels), 4)] * 2
    image.SliceLocation = 5 * index
    image.Rows, image.Columns = pixels.shape
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.RescaleIntercept, image.RescaleSlope, image.RescaleType = -1024, 1, "HU"
    image.WindowCenter, image.WindowWidth = WINDOW_CENTER, WINDOW_WIDTH
    low = WINDOW_CENTER - WINDOW_WIDTH / 2
    hounsfield = low + pixels.astype(np.float64) / 255 * WINDOW_WIDTH
    image.PixelData = np.clip(np.rint(hounsfield + 1024), 0, 4095).astype("<u2").tobytes()
    image["PixelData"].VR = "OW"
    return image


def _patient_and_study(seed: int) -> Dataset:
    common = Dataset()
    common.SpecificCharacterSet = "ISO_IR 100"
    common.PatientName, common.PatientID = "PHANTOM^DRAWN", f"PHANTOM-{seed}"
    common.PatientBirthDate, common.PatientSex = "19700101", "O"
    common.StudyInstanceUID, common.SeriesInstanceUID = _uid(seed, "study"), _uid(seed, "series")
    common.FrameOfReferenceUID, common.PositionReferenceIndicator = _uid(seed, "frame"), ""
    common.StudyDate = common.SeriesDate = common.AcquisitionDate = common.ContentDate = "20260729"
    common.StudyTime = common.SeriesTime = common.AcquisitionTime = common.ContentTime = "101500"
    common.AccessionNumber, common.StudyID, common.ReferringPhysicianName = f"A{1000 + seed}", "1", ""
    common.StudyDescription, common.SeriesDescription = "CT chest (drawn phantom)", "Lung 5 mm"
    common.Modality, common.SeriesNumber, common.BodyPartExamined = "CT", 2, "CHEST"
    common.Manufacturer, common.ManufacturerModelName = "drawn by edge-run", "samples.dicom_series"
    common.PatientPosition, common.KVP = "HFS", "120"
    return common


def _uid(seed: int, *parts: str) -> UID:
    name = f"edge-run phantom {seed} {' '.join(parts)}"
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, name).int}")


if __name__ == "__main__":
    written = write_series(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12)
    print(f"wrote {len(written)} files to {sys.argv[1]}")
