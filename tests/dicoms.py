"""DICOM files drawn for tests."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

with warnings.catch_warnings():
    # SWIG, below gdcm, on Python 3.12 and later.
    warnings.simplefilter("ignore")
    pytest.importorskip("pydicom")

from pydicom import uid
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence as Items
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

__all__ = [
    "SERIES", "STUDY", "Dataset", "DicomDictionary", "Items", "compressed", "ct", "encode", "image", "lut", "uid",
]  # fmt: skip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.2"


def image(pixels: NDArray[Any], **changes: Any) -> FileDataset:
    """A CT image that stores ``[H, W]``, ``[H, W, 3]`` or ``[frames, H, W]``, 8 or 16 bits; None drops an element."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = changes.pop("syntax", ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, f"{SERIES}.1"
    dataset = FileDataset("", {}, preamble=bytes(128), file_meta=meta)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    rows, columns = pixels.shape[:2] if colour else pixels.shape[-2:]
    bits = pixels.dtype.itemsize * 8
    elements: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": f"{SERIES}.1",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "Modality": "CT",
        "InstanceNumber": 1,
        "SamplesPerPixel": 3 if colour else 1,
        "PhotometricInterpretation": "RGB" if colour else "MONOCHROME2",
        "PlanarConfiguration": 0 if colour else None,
        "NumberOfFrames": len(pixels) if pixels.ndim == 3 and not colour else None,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
    }
    with warnings.catch_warnings():
        # pydicom warns of values that some tests want to be wrong.
        warnings.simplefilter("ignore")
        for keyword, value in (elements | changes).items():
            if value is not None:
                setattr(dataset, keyword, value)
    data = pixels.tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def ct(hounsfield: NDArray[Any], **changes: Any) -> FileDataset:
    """A CT image of Hounsfield units ``[H, W]``, stored signed from -1024 up."""
    pixels = (np.asarray(hounsfield) + 1024).astype(np.int16)
    return image(pixels, **{"RescaleSlope": 1, "RescaleIntercept": -1024, **changes})


def encode(dataset: FileDataset) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def compressed(dataset: FileDataset, frames: Sequence[bytes], syntax: str) -> FileDataset:
    """The same file with its pixel data replaced by frames of a compressed transfer syntax."""
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def lut(entries: Sequence[int], first: int, bits: int = 8) -> Dataset:
    """An item of a lookup table sequence."""
    item = Dataset()
    item.add_new(0x00283002, "US", [len(entries), first, bits])
    item.add_new(0x00283006, "US", list(entries))
    return item
