"""FP32 ONNX -> INT8 as TensorRT wants it: signed, symmetric, Q/DQ before what runs in eight bits, float between."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from .float32 import Kernel, Ranges

LARGEST = 127
SMALLEST_SCALE = 2.0**-14
"""Smallest normal number of FP16, in which the FP16 twin keeps its scales: below it channels would die."""


def quantise_for_tensorrt(
    model: onnx.ModelProto,
    ranges: Ranges,
    float_layers: Collection[str] = (),
    kernels: Mapping[str, Kernel] | None = None,
) -> None:
    """Turn a float32 graph into the ``int8-trt`` graph, in place.

    Where Q/DQ pairs go is what NVIDIA documents for explicit quantisation ("Working with Quantized Types" in the
    TensorRT documentation): at the inputs of convolutions, and on the branch of each residual sum that does not come
    straight from a convolution, so that convolution, sum and ReLU become one kernel. Nothing stands between a
    convolution and its ReLU, and nothing at the inputs of a concatenation. A max-pool has no pair of its own: TensorRT
    moves the one behind it to its front, since the two commute, and OpenVINO was seen to compute a GoogLeNet wrongly
    whose max-pools had theirs. Weights are stored as INT8 with one scale for each output channel; biases stay float,
    and so do average pooling and the final Linear.

    Parameters
    ----------
    model
        A float32 graph of opset 20.
    ranges
        Lowest and highest value of each tensor; the larger magnitude counts, on both sides of zero.
    float_layers
        Names of convolutions and sums that are left in float.
    kernels
        Kernels that are in eight bits already, by the name of their float initializer; they are stored as they are.
    """
    graph = model.graph
    weights = {i.name: i for i in graph.initializer}
    wanted = set(_sites(graph, float_layers))
    nodes: list[onnx.NodeProto] = []
    done: dict[str, str] = {}
    for place, node in enumerate(graph.node):
        for slot, name in enumerate(node.input):
            if (place, slot) in wanted:
                if name not in done:
                    done[name] = _add_pair(graph, nodes, name, ranges[name])
                node.input[slot] = done[name]
        if node.op_type == "Conv" and node.name not in float_layers:
            weight = weights[node.input[1]]
            nodes.append(_store(graph, weight, *_kernel(weight, kernels or {})))
            node.input[1] = nodes[-1].output[0]
        nodes.append(node)
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    graph.ClearField("node")
    graph.node.extend(kept)
    graph.ClearField("value_info")


def _sites(graph: onnx.GraphProto, float_layers: Collection[str]) -> Iterator[tuple[int, int]]:
    """Places of nodes, and which of their inputs get a Q/DQ pair."""
    stored = {i.name for i in graph.initializer}
    producers = {output: place for place, node in enumerate(graph.node) for output in node.output}
    uses = Counter(name for node in graph.node for name in node.input)
    for place, node in enumerate(graph.node):
        if node.op_type == "Conv" and node.name not in float_layers:
            yield place, 0
        elif node.op_type == "Add" and not stored.intersection(node.input):
            # A sum is fused into the last convolution before it; the other branch is what gets quantised.
            made = {slot: producers[name] for slot, name in enumerate(node.input) if uses[name] == 1}
            fusible = [slot for slot in made if graph.node[made[slot]].op_type == "Conv"]
            main = max(fusible, key=lambda slot: made[slot], default=None)
            kept = main is not None and {node.name, graph.node[made[main]].name}.intersection(float_layers)
            if main is not None and not kept:
                yield place, 1 - main


def _add_pair(graph: onnx.GraphProto, nodes: list[onnx.NodeProto], name: str, span: tuple[float, float]) -> str:
    """Quantise a tensor and take it back; the new tensor's name."""
    scale = max(max(map(abs, span)) / LARGEST, SMALLEST_SCALE)
    parameters = [f"{name}_scale", f"{name}_zero_point"]
    graph.initializer.extend(
        [
            numpy_helper.from_array(np.float32(scale), parameters[0]),
            numpy_helper.from_array(np.int8(0), parameters[1]),
        ]
    )
    eight_bits, back = f"{name}_quantized", f"{name}_dequantized"
    nodes.append(helper.make_node("QuantizeLinear", [name, *parameters], [eight_bits], f"{name}_quantize"))
    nodes.append(helper.make_node("DequantizeLinear", [eight_bits, *parameters], [back], f"{name}_dequantize"))
    return back


def _kernel(weight: onnx.TensorProto, kernels: Mapping[str, Kernel]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Return the stored eight bits where FP16 can represent their scales, else newly rounded ones."""
    stored = kernels.get(weight.name)
    if stored is not None and stored.scale.min() >= SMALLEST_SCALE:
        return stored.scale, stored.steps
    return quantise_weight(numpy_helper.to_array(weight))


def _store(
    graph: onnx.GraphProto, weight: onnx.TensorProto, scale: NDArray[np.float32], steps: NDArray[np.int8]
) -> onnx.NodeProto:
    """Replace a float weight by its eight bits; return the node that takes them back."""
    name = weight.name
    new: dict[str, NDArray[np.generic]] = {
        "quantized": steps,
        "scale": scale,
        "zero_point": np.zeros(len(scale), np.int8),
    }
    names = [f"{name}_{part}" for part in new]
    graph.initializer.remove(weight)
    graph.initializer.extend(numpy_helper.from_array(array, n) for n, array in zip(names, new.values(), strict=True))
    return helper.make_node("DequantizeLinear", names, [f"{name}_dequantized"], f"{name}_dequantize", axis=0)


def quantise_weight(weight: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Scales ``[out] float32`` and eight bits ``[out, ...] int8`` of a convolution's weight ``[out, ...] float32``."""
    largest = np.abs(weight).reshape(len(weight), -1).max(1)
    scale = np.maximum(largest / LARGEST, SMALLEST_SCALE).astype(np.float32)
    steps = np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1)))
    return scale, np.clip(steps, -LARGEST, LARGEST).astype(np.int8)
