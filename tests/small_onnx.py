"""A network small enough to be compiled in milliseconds, with a stem, a pool, a residual sum and a concatenation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

SIZE, WIDTH = 16, 8
LAYERS = ("stem", "first", "second", "left", "right")


def write_small(path: Path, seed: int = 0, centre_on: np.ndarray | None = None) -> Path:
    """Write ``scan [N, 1, 16, 16] uint8 -> logits [N, 2], features [N, 16, 8, 8]``; the convolutions are `LAYERS`.

    Parameters
    ----------
    centre_on
        Scans ``[N, 16, 16] uint8``, of which half then get either label.
    """
    rng = np.random.default_rng(seed)
    weights = {"scale": np.float32(1 / 255), "sides": np.array([2, 3], np.int64)}
    nodes = [
        helper.make_node("Cast", ["scan"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "scale"], ["scaled"]),
    ]

    def convolve(name: str, source: str, *, relu: bool, inputs: int = WIDTH) -> str:
        weights[f"{name}.weight"] = rng.normal(0, (2 / inputs / 9) ** 0.5, (WIDTH, inputs, 3, 3)).astype(np.float32)
        weights[f"{name}.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)
        names = [source, f"{name}.weight", f"{name}.bias"]
        nodes.append(helper.make_node("Conv", names, [f"{name}_out"], name, pads=[1, 1, 1, 1]))
        if relu:
            nodes.append(helper.make_node("Relu", [f"{name}_out"], [f"{name}_relu"]))
        return f"{name}_relu" if relu else f"{name}_out"

    stem = convolve("stem", "scaled", relu=True, inputs=1)
    nodes.append(helper.make_node("MaxPool", [stem], ["pooled"], "pool", kernel_shape=[2, 2], strides=[2, 2]))
    second = convolve("second", convolve("first", "pooled", relu=True), relu=False)
    nodes.append(helper.make_node("Add", [second, "pooled"], ["sum"], "sum"))
    nodes.append(helper.make_node("Relu", ["sum"], ["block"]))
    branches = [convolve("left", "block", relu=True), convolve("right", "block", relu=True)]
    nodes.append(helper.make_node("Concat", branches, ["features"], axis=1))
    nodes.append(helper.make_node("ReduceMean", ["features", "sides"], ["mean"], keepdims=0))
    weights["head"] = rng.normal(0, 3, (2, 2 * WIDTH)).astype(np.float32)
    weights["bias"] = np.zeros(2, np.float32)
    nodes.append(helper.make_node("Gemm", ["mean", "head", "bias"], ["logits"], transB=1))
    half = SIZE // 2
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("scan", TensorProto.UINT8, ["batch", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", 2 * WIDTH, half, half]),
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    if centre_on is not None:
        session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        (logits,) = session.run(["logits"], {"scan": centre_on[:, None]})
        moved = np.array([0, np.median(logits[:, 0] - logits[:, 1])], np.float32)
        bias = next(i for i in model.graph.initializer if i.name == "bias")
        bias.CopyFrom(numpy_helper.from_array(moved, "bias"))
    path.write_bytes(model.SerializeToString())
    return path


def read(path: Path) -> tuple[list[onnx.NodeProto], dict[str, onnx.NodeProto], dict[str, np.ndarray]]:
    """Nodes, the node that makes each tensor, and the stored arrays of a model."""
    graph = onnx.load(path).graph
    makers = {output: node for node in graph.node for output in node.output}
    return list(graph.node), makers, {i.name: numpy_helper.to_array(i) for i in graph.initializer}


def smooth_scans(count: int, seed: int = 0) -> np.ndarray:
    """Scans ``[count, 16, 16] uint8``: a slope of random direction and brightness, with noise."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(-1, 1, SIZE)
    tilt = rng.uniform(-60, 60, (count, 2, 1, 1))
    grey = rng.uniform(60, 190, (count, 1, 1)) + tilt[:, 0] * slope + tilt[:, 1] * slope[:, None]
    return np.clip(grey + rng.normal(0, 8, grey.shape), 0, 255).astype(np.uint8)
