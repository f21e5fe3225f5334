"""A file's frames, decoded to the values that it stores."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.scan.formats.header import FormatError, most_padding

from . import frame_job
from .compressed_frame import require_match

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset

    from .layout import Layout

    Stored = NDArray[np.integer[Any]]

# A compressed frame larger than this is no compressed frame. JPEG segments before it may take some room.
_LARGEST, _ROOM = 2, 2**20


def frames(dataset: Dataset, layout: Layout, decode: Callable[[bytes], Stored]) -> Iterator[Stored]:
    """Yield ``[rows, columns]``, or ``[rows, columns, 3]`` RGB, of each frame, 8 or 16 bits.

    Parameters
    ----------
    decode
        Decodes a compressed frame.

    Raises
    ------
    FormatError
        Pixel data is missing, damaged, or in a compression that is not read.
    BackendError
        The package that would decompress it is missing.
    """
    count = 0
    for frame in _decoded(dataset, layout, decode):
        known = frame.dtype.kind in "iu" and frame.dtype.itemsize <= 2
        if not known or frame.shape[:2] != (layout.rows, layout.columns) or frame.shape[2:] not in ((), (3,)):
            raise FormatError("is a DICOM file whose pixel data decodes to another shape than its header says")
        count += 1
        yield aligned(frame, layout)
    if count != layout.frames:
        raise FormatError(f"is truncated: the DICOM header says {layout.frames} frames, the file has {count}")


def _decoded(dataset: Dataset, layout: Layout, decode: Callable[[bytes], Stored]) -> Iterator[Stored]:
    from pydicom.pixels.utils import iter_pixels

    if not layout.syntax.is_encapsulated:
        _require_length(dataset, layout)
        _complete(dataset, layout)
        yield from iter_pixels(dataset)
    else:
        for frame in _encoded(dataset, layout):
            if str(layout.syntax) != frame_job.RLE:
                require_match(frame, layout)
            yield decode(frame)


def aligned(frame: Stored, layout: Layout) -> Stored:
    """Shift left-aligned samples down to where the others are, and drop what lies in bits that do not count.

    A High Bit is believed only where the samples do not contradict it: some writers give it wrongly.
    """
    free = layout.allocated - layout.stored
    if not free or frame.ndim > 2 or frame.dtype.itemsize * 8 != layout.allocated:
        return frame
    frame = frame.astype(frame.dtype.newbyteorder("="), copy=False)
    raw = frame.view(f"u{frame.dtype.itemsize}")
    fits = _is_extended(frame, layout.stored) if layout.signed else not (raw >> layout.stored).any()
    if layout.shift and not (fits and (raw & (1 << layout.shift) - 1).any()):
        raw = raw >> layout.shift
    elif fits:
        return frame
    if not layout.signed:
        return np.asarray(raw & (1 << layout.stored) - 1, dtype=raw.dtype)
    # Down again with the sign.
    return np.asarray((raw << free).view(f"i{raw.dtype.itemsize}") >> free)


def _is_extended(frame: Stored, stored: int) -> bool:
    """Whether signed samples lie within the range of the bits that count."""
    return bool(frame.min() >= -(1 << stored - 1) and frame.max() < 1 << stored - 1)


def _complete(dataset: Dataset, layout: Layout) -> None:
    """Write into the data set what pydicom needs, as it was understood; all bits count, until `aligned` sees them."""
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = (
        layout.allocated,
        layout.allocated,
        layout.allocated - 1,
    )
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames = layout.rows, layout.columns, layout.frames
    dataset.SamplesPerPixel, dataset.PixelRepresentation = layout.samples, int(layout.signed)
    dataset.PhotometricInterpretation = layout.photometric
    if layout.samples > 1:
        dataset.PlanarConfiguration = layout.planar


def _require_length(dataset: Dataset, layout: Layout) -> None:
    expected, actual = layout.frame_bytes * layout.frames, len(dataset.PixelData)
    if layout.photometric == "YBR_FULL_422":
        expected = expected // 3 * 2
    if actual < expected:
        raise FormatError(f"is truncated: {actual} bytes of pixel data, the DICOM header says {expected}")
    if actual > expected + max(1, most_padding(layout.columns, layout.rows)):
        raise FormatError(f"contradicts itself: {actual} bytes of pixel data, the DICOM header says {expected}")


def _encoded(dataset: Dataset, layout: Layout) -> Iterator[bytes]:
    """Yield each frame as it is compressed, none of a size that its pixels do not explain."""
    from pydicom.encaps import generate_frames

    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    extended = offsets if all(offsets) else None
    found = generate_frames(dataset.PixelData, number_of_frames=layout.frames, extended_offsets=extended)
    for number, frame in enumerate(islice(found, layout.frames + 1)):
        if number == layout.frames:
            raise FormatError(f"contradicts itself: the DICOM header says {layout.frames} frames, the file has more")
        if len(frame) > _LARGEST * layout.frame_bytes + _ROOM:
            raise FormatError("is a DICOM file whose compressed pixel data is larger than its pixels")
        yield frame
