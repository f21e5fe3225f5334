"""An ONNX file without its weights."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edge_run.backends.onnx_file import without_weights
from toy import toy_model

MODEL = onnx.load_from_string(toy_model())
WORD = b"location"


def with_kernel(values: bytes) -> bytes:
    """The toy network whose first weights begin with these bytes."""
    model = onnx.ModelProto()
    model.CopyFrom(MODEL)
    kernel = model.graph.initializer[0]
    kernel.raw_data = values + kernel.raw_data[len(values) :]
    return bytes(model.SerializeToString())


def test_weights_are_left_out_and_the_rest_is_kept() -> None:
    bare = without_weights(MODEL.SerializeToString())
    assert all(weights.raw_data not in bare for weights in MODEL.graph.initializer if len(weights.raw_data) > 8)
    assert all(node.op_type.encode() in bare for node in MODEL.graph.node)
    assert WORD not in without_weights(with_kernel(WORD)), "weights may hold any bytes"


@pytest.mark.parametrize(
    ("prefix", "suffix"),
    [
        (b"\xba\x00", b""),  # the graph's tag in two bytes
        (b"\x0b", b""),  # a group begins
        (b"\x3f", b""),  # a wire type that there is not
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b""),  # a length without an end
        (b"\x3a\x7f", b""),  # a length behind the end
    ],
)
def test_nothing_hides_behind_an_unusual_encoding(prefix: bytes, suffix: bytes) -> None:
    assert WORD in without_weights(prefix + with_kernel(WORD) + suffix)


def test_any_bytes_are_searched_or_left_out() -> None:
    rng = np.random.default_rng(0)
    raw = np.frombuffer(MODEL.SerializeToString(), np.uint8)
    for _ in range(300):
        changed = raw.copy()
        changed[rng.integers(len(raw), size=3)] = rng.integers(256, size=3)
        without_weights(changed.tobytes())
        without_weights(changed.tobytes()[: rng.integers(len(raw))])


@pytest.mark.parametrize("length", ["short", "overlong"])
def test_external_data_is_found_in_any_spelling(length: str) -> None:
    model = toy_model(external="weights.bin")
    if length == "overlong":
        # The key's length in two bytes, as no writer spells it and every reader accepts.
        model = model.replace(b"\x0a\x08location", b"\x0a\x88\x00location")
    assert WORD in without_weights(model)
