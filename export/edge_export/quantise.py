"""FP32 ONNX -> INT8 for ONNX Runtime on x86: unsigned asymmetric activations, signed per-channel weights."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from .to_onnx import INPUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ScanReader(CalibrationDataReader):  # type: ignore[misc]
    """Hands out scans ``[N, H, W] uint8`` one at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._pixels, self._next = pixels, 0

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next scan as ``[1, 1, H, W]``, or None after the last."""
        if self._next == len(self._pixels):
            return None
        self._next += 1
        return {INPUT: self._pixels[self._next - 1][None, None]}


def quantise_for_cpu(fp32: Path, out: Path, calibration: NDArray[np.uint8]) -> None:
    """Write the ``int8-cpu`` artefact.

    The final Linear stays in float: it is 0.01 % of the work, keeps confidences from being squeezed, and keeps the
    class-activation map exact. So does the arithmetic before the first convolution.

    Parameters
    ----------
    calibration
        ``[N, H, W] uint8`` preprocessed training scans.
    """
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as scratch:
        ready = Path(scratch) / "ready.onnx"
        quant_pre_process(str(fp32), str(ready), skip_symbolic_shape=True)
        linear = [node.name for node in onnx.load(ready).graph.node if node.op_type in ("Gemm", "MatMul", "ReduceMean")]
        quantize_static(
            str(ready),
            str(out),
            ScanReader(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            nodes_to_exclude=linear,
            op_types_to_quantize=["Conv", "Add", "MaxPool", "Concat", "Relu", "AveragePool"],
        )
