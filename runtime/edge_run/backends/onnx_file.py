"""Look into an ONNX file without the package ``onnx``: its bytes without the weights, which are nearly all of it.

ONNX files are Protocol Buffers messages: https://protobuf.dev/programming-guides/encoding, and ``onnx.proto``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Tags of ModelProto.graph, GraphProto.initializer and TensorProto.raw_data: the field's number and wire type 2.
_WEIGHTS = (7 << 3 | 2, 5 << 3 | 2, 9 << 3 | 2)
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def without_weights(model: bytes) -> bytes:
    """Return a model's bytes without the raw data of its initializers.

    Only what every reader of Protocol Buffers must take for raw data is left out. From the first unusual encoding on,
    everything is returned, so that nothing can hide behind it.
    """
    kept, begin = [], 0
    try:
        for start, end in _raw_data(model, 0, len(model), _WEIGHTS):
            kept.append(model[begin:start])
            begin = end
    except ValueError:
        pass
    return b"\0".join([*kept, model[begin:]])


def _raw_data(model: bytes, begin: int, end: int, tags: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield the spans of the fields at the end of a path of tags."""
    for tag, start, stop in _fields(model, begin, end):
        if tag == tags[0] and len(tags) == 1:
            yield start, stop
        elif tag == tags[0]:
            yield from _raw_data(model, start, stop, tags[1:])


def _fields(model: bytes, begin: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield tag, first and last byte of each field of a message.

    Raises
    ------
    ValueError
        A field is a group, has a tag of several bytes, or ends behind the message.
    """
    while begin < end:
        tag = model[begin]
        kind = tag & 7
        if tag & 0x80 or kind not in (_VARINT, _FIXED64, _BYTES, _FIXED32):
            raise ValueError("an unusual field")
        start = begin + 1
        if kind == _BYTES:
            size, start = _varint(model, start, end)
        elif kind == _VARINT:
            size = _varint(model, start, end)[1] - start
        else:
            size = 8 if kind == _FIXED64 else 4
        begin = start + size
        if begin > end:
            raise ValueError("a field that ends behind its message")
        yield tag, start, begin


def _varint(model: bytes, begin: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and the index behind it."""
    value = 0
    for n, byte in enumerate(model[begin : min(end, begin + _LONGEST_VARINT)]):
        value |= (byte & 0x7F) << 7 * n
        if not byte & 0x80:
            return value, begin + n + 1
    raise ValueError("a number that does not end")
