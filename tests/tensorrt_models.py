"""A convolution network in each form that TensorRT is given, and in one that it must refuse."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZE, WIDTH, CLASSES = 32, 8, 2
LEVELS = 127


def convolution_model(precision: str, *, zero_point: int = 0, unsigned: bool = False) -> bytes:
    """``scan [N, 1, 32, 32] uint8`` -> Conv, ReLU (features) -> mean -> Gemm (logits), as ONNX.

    Parameters
    ----------
    precision
        ``int8-trt...``: QuantizeLinear and DequantizeLinear before the convolution, its kernel in INT8 by output
        channel. ``...fp16``: what lies between the ends computes in FP16.
    zero_point, unsigned
        Of the scan's quantisation; TensorRT takes signed values around 0.
    """
    rng, half = np.random.default_rng(0), precision.endswith("fp16")
    glue = np.float16 if half else np.float32
    onnx_glue = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    kernel = rng.normal(0, 0.2, (WIDTH, 1, 8, 8)).astype(np.float32)
    step = np.abs(kernel).max((1, 2, 3)) / LEVELS
    level = np.uint8 if unsigned else np.int8
    constants = {
        "scale": glue(1 / 255),
        "sides": np.array([2, 3], np.int64),
        "head": rng.normal(0, 1, (CLASSES, WIDTH)).astype(glue),
        "bias": np.zeros(CLASSES, glue),
    }
    nodes = [
        helper.make_node("Cast", ["scan"], ["grey"], to=onnx_glue),
        helper.make_node("Mul", ["grey", "scale"], ["scaled"]),
    ]
    if precision.startswith("int8"):
        constants |= {
            "range": glue(1 / (255 if unsigned else LEVELS)),
            "zero": level(zero_point),
            "kernel8": np.round(kernel / step[:, None, None, None]).astype(np.int8),
            "steps": step.astype(glue),
            "zeros": np.zeros(WIDTH, np.int8),
        }
        nodes += [
            helper.make_node("QuantizeLinear", ["scaled", "range", "zero"], ["coarse"]),
            helper.make_node("DequantizeLinear", ["coarse", "range", "zero"], ["conv_in"]),
            helper.make_node("DequantizeLinear", ["kernel8", "steps", "zeros"], ["kernel"], axis=0),
        ]
    else:
        constants["kernel"] = kernel.astype(glue)
        nodes.append(helper.make_node("Identity", ["scaled"], ["conv_in"]))
    nodes += [
        helper.make_node("Conv", ["conv_in", "kernel"], ["convolved"], strides=[8, 8]),
        helper.make_node("Relu", ["convolved"], ["blocks"]),
        helper.make_node("ReduceMean", ["blocks", "sides"], ["pooled"], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head", "bias"], ["scores"], transB=1),
        helper.make_node("Cast", ["scores"], ["logits"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["blocks"], ["features"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "convolution",
        [helper.make_tensor_value_info("scan", TensorProto.UINT8, ["batch", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", CLASSES]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", WIDTH, SIZE // 8, SIZE // 8]),
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())
