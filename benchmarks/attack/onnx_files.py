"""Networks that refer to other files, in every place where the ONNX format allows it, or that never end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCATIONS = ("../secret", "/etc/passwd", "secret", "*/_ORT_MEM_ADDR_/*", "./models/../../secret", "file:///etc/passwd")


def hostile(model: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield a network's file with each trick in it."""
    for location in LOCATIONS:
        yield f"initializer in {location}", _changed(model, lambda m, at=location: _outside(m.graph.initializer[0], at))
    yield "constant", _changed(model, _constant)
    yield "sparse constant", _changed(model, _sparse_constant)
    yield "sparse initializer", _changed(model, _sparse_initializer)
    yield "subgraph", _changed(model, _subgraph)
    yield "function", _changed(model, _function)
    yield "training information", _changed(model, _training)
    yield "engine", _changed(model, _engine)
    yield "loop", _changed(model, _loop)
    yield "operator of another domain", _changed(model, _foreign)
    yield "ORT format", b"\x10\0\0\0ORTM" + model
    yield "tail in another message", model + _changed(model, lambda m: _outside(m.graph.initializer[0], "/etc/passwd"))
    yield "overlong sizes", _overlong(_changed(model, lambda m: _outside(m.graph.initializer[0], "/etc/passwd")))
    yield "empty", b""
    yield "cut", model[: len(model) // 2]
    yield "noise", np.random.default_rng(0).bytes(100_000)


def _changed(model: bytes, change: object) -> bytes:
    loaded = onnx.load_model_from_string(model)
    change(loaded)  # type: ignore[operator]
    return bytes(loaded.SerializeToString())


def _outside(tensor: TensorProto, location: str) -> None:
    size = len(tensor.raw_data) or 4
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(size)}.items():
        tensor.external_data.add(key=key, value=value)


def _tensor() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "outside")
    _outside(tensor, "/etc/passwd")
    return tensor


def _constant(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["outside"], value=_tensor()))


def _sparse() -> onnx.SparseTensorProto:
    return helper.make_sparse_tensor(_tensor(), numpy_helper.from_array(np.arange(4, dtype=np.int64), "indices"), [4])


def _sparse_constant(model: onnx.ModelProto) -> None:
    model.graph.node.insert(0, helper.make_node("Constant", [], ["outside"], sparse_value=_sparse()))


def _sparse_initializer(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.append(_sparse())


def _subgraph(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([helper.make_node("Identity", ["outside"], ["out"])], "branch", [], [], [_tensor()])
    branch.output.append(helper.make_tensor_value_info("out", TensorProto.FLOAT, [4]))
    condition = numpy_helper.from_array(np.array(True), "condition")
    model.graph.initializer.append(condition)
    model.graph.node.insert(
        0, helper.make_node("If", ["condition"], ["outside"], then_branch=branch, else_branch=branch)
    )


def _function(model: onnx.ModelProto) -> None:
    body = [helper.make_node("Constant", [], ["out"], value=_tensor())]
    made = helper.make_function("edge", "Outside", [], ["out"], body, model.opset_import)
    model.functions.append(made)
    model.opset_import.append(helper.make_opsetid("edge", 1))
    model.graph.node.insert(0, helper.make_node("Outside", [], ["outside"], domain="edge"))


def _training(model: onnx.ModelProto) -> None:
    model.training_info.add().algorithm.initializer.append(_tensor())


def _engine(model: onnx.ModelProto) -> None:
    model.graph.node.insert(
        0,
        helper.make_node(
            "EPContext", [], ["outside"], domain="com.microsoft", ep_cache_context="/etc/passwd", embed_mode=0
        ),
    )


def _loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["more"])],
        "body",
        [
            helper.make_tensor_value_info("n", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("more", TensorProto.BOOL, [])],
    )
    for name, value in (("trips", np.array(2**62)), ("begin", np.array(True))):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.graph.node.insert(0, helper.make_node("Loop", ["trips", "begin"], [], body=body))


def _foreign(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx.contrib", 1))
    model.graph.node.insert(0, helper.make_node("PyOp", [], ["outside"], domain="ai.onnx.contrib"))


def _overlong(model: bytes) -> bytes:
    """Write the size of the graph, field 7 of the model, in more bytes than it needs."""
    at, size = _graph(model)
    body_at = at + len(_varint(size))
    body = model[body_at : body_at + size]
    # The continuation bits of an overlong number, then its last byte: zero.
    encoded = bytes(byte | 0x80 for byte in _varint(size)) + b"\x80\x00"
    return model[:at] + encoded + body + model[body_at + size :]


def _graph(model: bytes) -> tuple[int, int]:
    """Return where the size of the graph stands, and the size."""
    loaded = onnx.load_model_from_string(model)
    size = loaded.graph.ByteSize()
    return model.index(b"\x3a" + _varint(size)) + 1, size


def _varint(value: int) -> bytes:
    found = bytearray()
    while True:
        found.append((value & 0x7F) | (0x80 if value > 0x7F else 0))
        value >>= 7
        if not value:
            return bytes(found)
