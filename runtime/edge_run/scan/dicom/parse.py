"""Bytes -> the elements that are needed, no others."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING

from edge_run.scan.formats.header import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

# The data elements that an image's pixels need. None is of the patient.
KEYWORDS = (
    "SOPClassUID", "Modality", "ImageType", "PresentationIntentType",
    "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue", "PixelPaddingRangeLimit",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
    "RedPaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableDescriptor", "BluePaletteColorLookupTableData",
    "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    "ExtendedOffsetTable", "ExtendedOffsetTableLengths", "PixelData",
)  # fmt: skip

_DIRECTORY = "1.2.840.10008.1.3.10"


class _DeflatedError(Exception):
    """The data set begins here, and is compressed as a whole."""


class _Source(io.BytesIO):
    """A file that pydicom reads piece by piece. All at once it reads only what it is about to inflate, unbounded."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise _DeflatedError
        return super().read(size)


def parse(data: bytes, max_bytes: int, keywords: Sequence[str] = KEYWORDS) -> Dataset:
    """Read a file's needed elements; its transfer syntax is in ``file_meta``, if it says one.

    Parameters
    ----------
    max_bytes
        Largest size that a deflated data set is inflated to.
    keywords
        The elements; by default those of an image's pixels.

    Raises
    ------
    FormatError
        It is a directory of other files, or inflates to more.
    Exception
        Whatever pydicom raises on files that are damaged.
    """
    from pydicom import dcmread

    source = _Source(data)
    try:
        dataset: Dataset = dcmread(source, force=True, specific_tags=list(keywords))
    except _DeflatedError:
        dataset = _inflated(data[source.tell() :], max_bytes, keywords)
    meta = dataset.file_meta
    if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
        raise FormatError("is a DICOMDIR, an index of other files", hint="Give the folder that it lies in.")
    if not meta.get("TransferSyntaxUID"):
        _guess(dataset)
    return dataset


def _inflated(deflated: bytes, max_bytes: int, keywords: Sequence[str]) -> Dataset:
    """Read a deflated data set (PS3.5 A.5)."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset
    from pydicom.tag import Tag
    from pydicom.uid import ExplicitVRLittleEndian

    decoder = zlib.decompressobj(-zlib.MAX_WBITS)
    plain = decoder.decompress(deflated, max_bytes)
    if decoder.unconsumed_tail:
        raise FormatError(f"is a deflated DICOM file that inflates to more than {max_bytes} bytes")
    if not decoder.eof:
        raise FormatError("is truncated: the deflated DICOM data set does not end")
    dataset = read_dataset(io.BytesIO(plain), False, True, specific_tags=[Tag(keyword) for keyword in keywords])
    dataset.set_original_encoding(False, True, None)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def _guess(dataset: Dataset) -> None:
    """Take the transfer syntax that the data set could be read in."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = dataset.original_encoding
    explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
