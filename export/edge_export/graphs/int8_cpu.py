"""FP32 ONNX -> INT8 for ONNX Runtime on x86: unsigned asymmetric activations, signed per-channel weights."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import helper
from onnxruntime.quantization import CalibrationMethod, QDQQuantizer, QuantType, TensorData, TensorsData

from .quiet import errors_only

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from .ranges import Ranges

QUANTISED = ("Conv", "Add", "Concat", "Relu", "MaxPool")
"""Everything between the normalisation and the last block; what is not named stays in float."""


def quantise_for_cpu(fp32: Path, out: Path, ranges: Ranges, float_layers: Collection[str] = ()) -> None:
    """Write the ``int8-cpu`` artefact.

    Pooling and the final Linear stay in float: they are 0.01 % of the work, confidences are not squeezed, and the
    class-activation map of the quantised ``features`` stays exact. So does the arithmetic before the first
    convolution.

    Parameters
    ----------
    ranges
        Of every tensor, see :mod:`edge_export.graphs.ranges`.
    float_layers
        Names of convolutions and sums that are left as they are. A sum in float keeps the residual stream in float:
        in a deep network it is rounded once a block otherwise, and the errors add up.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(fp32))
    sums = {
        node.name: node.output[0] for node in model.graph.node if node.op_type == "Add" and node.name in float_layers
    }
    behind = {node.name for node in model.graph.node if node.op_type == "Relu" and node.input[0] in sums.values()}
    convolutions = {node.output[0] for node in model.graph.node if node.op_type == "Conv"}
    arrays: dict[str, TensorData | tuple[np.float32, np.float32]] = {
        name: (np.float32(low), np.float32(high)) for name, (low, high) in ranges.items()
    }
    with errors_only(logging.getLogger()):  # the quantiser writes to the root logger
        quantiser = QDQQuantizer(
            model,
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            # Only a name here: ranges are ranges, whatever measured them.
            tensors_range=TensorsData(CalibrationMethod.MinMax, arrays),
            nodes_to_quantize=[],
            nodes_to_exclude=[*float_layers, *behind],
            op_types_to_quantize=list(QUANTISED),
            extra_options={},
        )
        quantiser.quantize_model()
    quantiser.model.topological_sort()
    model = quantiser.model.model
    if float_layers:
        relus = {name for node in onnx.load(fp32).graph.node if node.op_type == "Relu" for name in node.output}
        _give_float_inputs(model.graph, set(float_layers) - set(sums), relus)
        _give_float_branches(model.graph, set(sums), convolutions)
    model.graph.ClearField("value_info")
    out.write_bytes(model.SerializeToString())


def _give_float_inputs(graph: onnx.GraphProto, layers: Collection[str], relus: Collection[str]) -> None:
    """Let layers read what was there before it was quantised for their neighbours.

    The quantiser leaves out a ReLU where eight bits cut what is below zero; a layer that reads around them needs it.
    """
    makers = {output: node for node in graph.node for output in node.output}
    nodes = []
    for node in graph.node:
        back = makers.get(node.input[0]) if node.name in layers else None
        if back is not None and back.op_type == "DequantizeLinear":
            node.input[0] = makers[back.input[0]].input[0]
            if node.input[0] in relus:
                nodes.append(helper.make_node("Relu", [node.input[0]], [f"{node.name}_input"]))
                node.input[0] = nodes[-1].output[0]
        nodes.append(node)
    graph.ClearField("node")
    graph.node.extend(nodes)


def _give_float_branches(graph: onnx.GraphProto, sums: Collection[str], convolutions: Collection[str]) -> None:
    """Let sums read the stream as it was before it was quantised for the next convolution.

    What comes straight from a convolution stays quantised, or the convolution could not compute in eight bits.
    """
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        for slot, name in enumerate(node.input if node.name in sums else ()):
            back = makers.get(name)
            if back is not None and back.op_type == "DequantizeLinear":
                before = makers[back.input[0]].input[0]
                if before not in convolutions:
                    node.input[slot] = before
