"""A file's frames, decoded to the values that it stores."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from edge_run.scan.formats.header import FormatError
from edge_run.scan.worker.pool import Deadline

from . import frame_job
from .compressed_frame import require_match

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray
    from pydicom import Dataset

    from edge_run.scan.scan import Limits

    from .layout import Layout

    Stored = NDArray[np.integer[Any]]

# A compressed frame larger than this is no compressed frame. JPEG segments before it may take some room.
_LARGEST, _ROOM = 2, 2**20
_RLE = "1.2.840.10008.1.2.5"


def frames(dataset: Dataset, layout: Layout, limits: Limits) -> Iterator[Stored]:
    """Yield ``[rows, columns]``, or ``[rows, columns, 3]`` RGB, of each frame, 8 or 16 bits.

    Raises
    ------
    FormatError
        Pixel data is missing, damaged, or in a compression that is not read.
    BackendError
        The package that would decompress it is missing.
    """
    count = 0
    for frame in _decoded(dataset, layout, limits):
        known = frame.dtype.kind in "iu" and frame.dtype.itemsize <= 2
        if not known or frame.shape[:2] != (layout.rows, layout.columns) or frame.shape[2:] not in ((), (3,)):
            raise FormatError("is a DICOM file whose pixel data decodes to another shape than its header says")
        count += 1
        yield frame
    if count != layout.frames:
        raise FormatError(f"is truncated: the DICOM header says {layout.frames} frames, the file has {count}")


def _decoded(dataset: Dataset, layout: Layout, limits: Limits) -> Iterator[Stored]:
    from pydicom.pixels.utils import iter_pixels

    if not layout.syntax.is_encapsulated:
        _require_enough(dataset, layout)
        yield from iter_pixels(dataset)
    else:
        deadline = Deadline(limits.max_seconds)
        for frame in _encoded(dataset, layout):
            if str(layout.syntax) != _RLE:
                require_match(frame, layout)
            yield frame_job.decode(frame, layout, limits, deadline)


def _require_enough(dataset: Dataset, layout: Layout) -> None:
    expected, actual = layout.frame_bytes * layout.frames, len(dataset.PixelData)
    if layout.photometric == "YBR_FULL_422":
        expected = expected // 3 * 2
    if actual < expected:
        raise FormatError(f"is truncated: {actual} bytes of pixel data, the DICOM header says {expected}")


def _encoded(dataset: Dataset, layout: Layout) -> Iterator[bytes]:
    """Yield each frame as it is compressed, none of a size that its pixels do not explain."""
    from pydicom.encaps import generate_frames

    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    extended = offsets if all(offsets) else None
    found = generate_frames(dataset.PixelData, number_of_frames=layout.frames, extended_offsets=extended)
    for frame in islice(found, layout.frames):
        if len(frame) > _LARGEST * layout.frame_bytes + _ROOM:
            raise FormatError("is a DICOM file whose compressed pixel data is larger than its pixels")
        yield frame
