"""Tensors of the protocol, in JSON and as raw bytes; only the data types that the models here use."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge_run.serve.refusals import RefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NUMBERS: dict[str, np.dtype[Any]] = {
    "UINT8": np.dtype("<u1"),
    "INT64": np.dtype("<i8"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
BYTES = "BYTES"


class Tensor(NamedTuple):
    """A tensor.

    Attributes
    ----------
    values
        An array of the shape for numbers; a flat list of ``bytes`` for ``BYTES``.
    """

    name: str
    datatype: str
    shape: list[int]
    values: NDArray[Any] | list[bytes]


def from_json(name: str, datatype: str, shape: list[int], data: Sequence[Any]) -> Tensor:
    """Read a tensor whose values stand in JSON, nested or flat; text stands for its UTF-8.

    Raises
    ------
    RefusedError
        The type is not offered, or values do not fit type or shape.
    """
    count = _count(name, shape)
    flat = _flat(data, count)
    if flat is None:
        raise _wrong_count(name, shape)
    if datatype == BYTES:
        if not all(isinstance(value, str) for value in flat):
            raise RefusedError(400, f"input {name}: a value of BYTES is text in JSON")
        return Tensor(name, datatype, shape, [value.encode() for value in flat])
    dtype = _dtype(name, datatype)
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in flat):
        raise RefusedError(400, f"input {name}: a value is no number")
    if dtype.kind in "iu":
        bounds = np.iinfo(dtype)
        if not all(isinstance(value, int) and bounds.min <= value <= bounds.max for value in flat):
            raise RefusedError(400, f"input {name}: a value is not a whole number of {datatype}")
    return Tensor(name, datatype, shape, np.array(flat, dtype).reshape(shape))


def from_binary(name: str, datatype: str, shape: list[int], data: bytes) -> Tensor:
    """Read a tensor from raw bytes: little-endian; a value of ``BYTES`` begins with its length as a uint32.

    Raises
    ------
    RefusedError
        As :func:`from_json`.
    """
    count = _count(name, shape)
    if datatype != BYTES:
        dtype = _dtype(name, datatype)
        if len(data) != count * dtype.itemsize:
            raise _wrong_count(name, shape)
        return Tensor(name, datatype, shape, np.frombuffer(data, dtype).reshape(shape))
    values: list[bytes] = []
    at = 0
    while at < len(data) and len(values) < count:
        (length,) = struct.unpack_from("<I", data, at) if at + 4 <= len(data) else (len(data),)
        at += 4
        if at + length > len(data):
            raise RefusedError(400, f"input {name}: a value is longer than the data")
        values.append(data[at : at + length])
        at += length
    if at != len(data) or len(values) != count:
        raise _wrong_count(name, shape)
    return Tensor(name, datatype, shape, values)


def to_json(tensor: Tensor) -> list[Any]:
    """Return the values of a tensor for JSON, flat, in row-major order."""
    if isinstance(tensor.values, list):
        return [value.decode() for value in tensor.values]
    values: list[Any] = tensor.values.ravel().tolist()
    return values


def to_binary(tensor: Tensor) -> bytes:
    """Return the raw bytes of a tensor."""
    if isinstance(tensor.values, list):
        return b"".join(struct.pack("<I", len(value)) + value for value in tensor.values)
    return tensor.values.astype(NUMBERS[tensor.datatype]).tobytes()


def _dtype(name: str, datatype: str) -> np.dtype[Any]:
    if datatype not in NUMBERS:
        raise RefusedError(400, f"tensor {name}: the data type {datatype[:20]!r} is not offered")
    return NUMBERS[datatype]


def _count(name: str, shape: Sequence[int]) -> int:
    if any(side < 0 for side in shape) or len(shape) > 8:
        raise RefusedError(400, f"tensor {name}: {list(shape)[:9]} is no shape")
    # Python's integers do not overflow.
    count = 1
    for side in shape:
        count *= side
    return count


def _flat(data: Sequence[Any], count: int) -> list[Any] | None:
    """Return nested lists as one list; None where it does not have ``count`` values."""
    flat: list[Any] = list(data)
    while flat and isinstance(flat[0], list):
        if not all(isinstance(one, list) for one in flat) or len(flat) > count:
            return None
        flat = [value for one in flat for value in one]
    return flat if len(flat) == count else None


def _wrong_count(name: str, shape: Sequence[int]) -> RefusedError:
    return RefusedError(400, f"tensor {name}: the data does not fit the shape {list(shape)}")
