"""DICOM's run lengths (PS3.5 annex G): a segment of PackBits for each byte of a sample, the highest first."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.scan.formats.header import FormatError
from edge_run.scan.formats.unpack import UNPACK

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER, _MOST_SEGMENTS, _PACK_BITS = 64, 15, 32773


def decode(
    frame: bytes, *, rows: int, columns: int, samples: int, allocated: int, signed: bool
) -> NDArray[np.integer[Any]]:
    """Decode one frame to ``[rows, columns]`` or ``[rows, columns, samples]``, 8 or 16 bits.

    Raises
    ------
    FormatError
        A segment holds fewer or more samples than the image.
    """
    width = allocated // 8
    count, *offsets = struct.unpack_from(f"<{1 + _MOST_SEGMENTS}I", frame.ljust(_HEADER, b"\0"))
    if count != samples * width:
        raise FormatError("the number of segments is not that of its samples")
    planes = []
    for start, end in zip(offsets[:count], [*offsets[1:count], len(frame)], strict=True):
        plane = UNPACK[_PACK_BITS](frame[start:end], rows * columns)
        if len(plane) != rows * columns:
            raise FormatError("a segment is of another length than its image")
        planes.append(np.frombuffer(plane, np.uint8).reshape(rows, columns))
    # [samples, width, rows, columns] with the highest byte first -> big-endian numbers.
    octets = np.stack(planes).reshape(samples, width, rows, columns).transpose(2, 3, 0, 1)
    values = np.ascontiguousarray(octets).view(f">{'i' if signed else 'u'}{width}")[:, :, :, 0]
    return np.ascontiguousarray(values[:, :, 0] if samples == 1 else values).astype(values.dtype.newbyteorder("="))
