"""Bytes -> the elements that are needed, no others."""

from __future__ import annotations

import io
import zlib
from math import inf
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
# What is parsed in this process: some tenths of a second at most. Ordinary files stay far below.
_FEW_READS, _FEW_ITEMS, _FEW_BYTES = 40_000, 2_000, 2**19
_HEADER, _PIXEL_DATA = 8, (b"\xe0\x7f\x10\x00", b"\x7f\xe0\x00\x10")
_ITEMS = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
"""How an item of a sequence begins, in either order of bytes."""


class LaboriousError(Exception):
    """Parsing takes more than this process does by itself."""


class _DeflatedError(Exception):
    """The data set begins here, and is compressed as a whole."""


class _Counted(io.BytesIO):
    """A data set that is read piece by piece, and in few pieces where that is asked for."""

    def __init__(self, data: bytes, most_reads: float) -> None:
        super().__init__(data)
        self._few, self._left, self._tag = most_reads < inf, most_reads, b""

    def read(self, size: int | None = -1, /) -> bytes:
        self._left -= 1
        # pydicom decodes a character set as soon as it has read it.
        if self._left < 0 or (self._few and (size or 0) > _FEW_BYTES and self._tag not in _PIXEL_DATA):
            raise LaboriousError
        found = super().read(size)
        if size == _HEADER:
            self._tag = found[:4]
        return found


class _Source(_Counted):
    """A file. All at once pydicom reads only what it is about to inflate, unbounded."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            raise _DeflatedError
        return super().read(size)


def parse(data: bytes, max_bytes: int, keywords: Sequence[str] = KEYWORDS, *, few: bool = False) -> Dataset:
    """Read a file's needed elements; its transfer syntax is in ``file_meta``, if it says one.

    Parameters
    ----------
    max_bytes
        Largest size that a deflated data set is inflated to.
    keywords
        The elements; by default those of an image's pixels.
    few
        Give up on a file of unusually many or large elements.

    Raises
    ------
    FormatError
        It is a directory of other files, or inflates to more.
    LaboriousError
        ``few`` was asked for, and there are too many.
    Exception
        Whatever pydicom raises on files that are damaged.
    """
    from pydicom import dcmread

    most_reads = _FEW_READS if few else inf
    source = _Source(data, most_reads)
    try:
        dataset: Dataset = dcmread(source, force=True, specific_tags=list(keywords))
    except _DeflatedError:
        dataset = _inflated(data[source.tell() :], max_bytes, keywords, most_reads)
    if few:
        _require_few(dataset)
    meta = dataset.file_meta
    if str(meta.get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
        raise FormatError("is a DICOMDIR, an index of other files", hint="Give the folder that it lies in.")
    if not meta.get("TransferSyntaxUID"):
        _guess(dataset)
    return dataset


def _require_few(dataset: Dataset) -> None:
    """Give up on what pydicom has put off: it parses values and sequences of known length when they are asked for."""
    from pydicom.tag import Tag

    stored = (dataset.get_item(tag).value for tag in dataset.keys() if tag != Tag("PixelData"))  # noqa: SIM118
    raw = [value for value in stored if isinstance(value, bytes)]
    items = sum(value.count(begin) for value in raw for begin in _ITEMS)
    if items > _FEW_ITEMS or sum(map(len, raw)) > _FEW_BYTES:
        raise LaboriousError


def _inflated(deflated: bytes, max_bytes: int, keywords: Sequence[str], most_reads: float) -> Dataset:
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
    dataset = read_dataset(
        _Counted(plain, most_reads), False, True, specific_tags=[Tag(keyword) for keyword in keywords]
    )
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
