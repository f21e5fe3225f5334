"""FP32 or INT8 ONNX -> the same graph in half precision."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from onnxruntime.transformers.float16 import convert_float_to_float16

if TYPE_CHECKING:
    import onnx


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a graph whose float arithmetic is FP16; ``logits`` and ``features`` are still given out as FP32.

    In an ``int8-trt`` graph the scales become FP16 too, which makes what stands between the quantised layers FP16: in a
    strongly typed network a DequantizeLinear's output has the type of its scale.
    """
    with warnings.catch_warnings():
        # One for every weight that FP16 rounds to zero or cuts; the gate judges what that does.
        warnings.simplefilter("ignore", UserWarning)
        half: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True)
    half.graph.ClearField("value_info")
    return half
