"""Which layers suffer most from eight bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
import onnx
from onnx import helper, numpy_helper

from edge_export.graphs.simulate import Simulation
from edge_run._files import unfinished_folder
from edge_run.bundle.derive.int8_trt import quantise_weight

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.graphs.ranges import Ranges


class LayerError(msgspec.Struct, frozen=True):
    """What quantising one convolution alone does.

    Attributes
    ----------
    layer
        The convolution's name in the graph.
    error
        Root mean square of the change in the logits.
    """

    layer: str
    error: float


def rank_layers(
    fp32: Path,
    ranges: Ranges,
    scans: NDArray[np.uint8],
    *,
    symmetric: bool,
    kept: Collection[str] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[LayerError]:
    """Quantise each convolution by itself, weights and input, and see how far the logits move; the worst first.

    Parameters
    ----------
    scans
        ``[N, H, W] uint8`` preprocessed; a few are enough to rank.
    symmetric
        Input as signed bits around zero (TensorRT), or as unsigned bits over its range (CPU).
    kept
        Layers that stay in float in any case, and need no place in the ranking.
    """
    model = onnx.load(fp32)
    layers = [node for node in model.graph.node if node.op_type == "Conv" and node.name not in kept]
    reference = Simulation(fp32).logits(scans[:, None])
    errors = []
    with unfinished_folder(fp32.parent) as scratch:
        path = scratch / "one-layer.onnx"
        for done, layer in enumerate(layers):
            onnx.save(_with_one(model, layer.name, ranges, symmetric=symmetric), path)
            logits = Simulation(path).logits(scans[:, None])
            error = float(np.sqrt(np.square(logits - reference).mean()))
            errors.append(LayerError(layer.name, error if np.isfinite(error) else float(np.finfo(np.float32).max)))
            progress(done + 1, len(layers))
    return sorted(errors, key=lambda one: -one.error)


def _with_one(model: onnx.ModelProto, layer: str, ranges: Ranges, *, symmetric: bool) -> onnx.ModelProto:
    """A copy of the model in which one convolution computes with what eight bits leave of its weights and input."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    place, node = next((p, n) for p, n in enumerate(graph.node) if n.name == layer)
    weight = next(i for i in graph.initializer if i.name == node.input[1])
    scale, bits = quantise_weight(numpy_helper.to_array(weight))
    rounded = bits * scale.reshape(-1, *[1] * (bits.ndim - 1))
    weight.CopyFrom(numpy_helper.from_array(rounded.astype(np.float32), weight.name))
    name = node.input[0]
    node.input[0] = "rounded_input"
    pair = _pair(graph, name, ranges[name], symmetric=symmetric)
    nodes = list(graph.node)
    graph.ClearField("node")
    graph.node.extend([*nodes[:place], *pair, *nodes[place:]])
    return copy


def _pair(
    graph: onnx.GraphProto, name: str, span: tuple[float, float], *, symmetric: bool
) -> tuple[onnx.NodeProto, onnx.NodeProto]:
    low, high = min(span[0], 0.0), max(span[1], 0.0)
    scale = max(-low, high) / 127 if symmetric else (high - low) / 255
    scale = max(scale, float(np.finfo(np.float32).tiny))
    zero = np.int8(0) if symmetric else np.uint8(np.clip(round(-low / scale), 0, 255))
    parameters = ["rounding_scale", "rounding_zero"]
    graph.initializer.extend(
        [numpy_helper.from_array(np.float32(scale), parameters[0]), numpy_helper.from_array(zero, parameters[1])]
    )
    return (
        helper.make_node("QuantizeLinear", [name, *parameters], ["rounding_bits"]),
        helper.make_node("DequantizeLinear", ["rounding_bits", *parameters], ["rounded_input"]),
    )
