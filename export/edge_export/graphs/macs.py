"""How much work a network is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from pathlib import Path


def multiply_adds(fp32: Path) -> int:
    """Multiply-adds of one scan in the convolutions and the final Linear of an FP32 artefact.

    Every weight of a convolution is used once at each place of its output, every weight of a Linear once.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(fp32))
    values = (*model.graph.value_info, *model.graph.output)
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {i.name: math.prod(i.dims) for i in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    return sum(weights[layer.input[1]] * math.prod(shapes[layer.output[0]][2:]) for layer in layers)
