"""FP32 ONNX -> INT8 for ONNX Runtime on x86: unsigned asymmetric activations, signed per-channel weights."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from ._quiet import errors_only
from .graph import INPUT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUANTISED = ("Conv", "Add", "Concat", "Relu", "MaxPool")
"""Everything between the normalisation and the last block; what is not named stays in float."""


class ScanReader(CalibrationDataReader):
    """Hands out scans ``[N, H, W] uint8`` one at a time."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self._scans = iter(pixels)

    # The base class is annotated as if it never ended.
    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:  # type: ignore[override]
        """Return the next scan as ``[1, 1, H, W]``, or None after the last."""
        scan = next(self._scans, None)
        return None if scan is None else {INPUT: scan[None, None]}


def quantise_for_cpu(fp32: Path, out: Path, calibration: NDArray[np.uint8]) -> None:
    """Write the ``int8-cpu`` artefact.

    Pooling and the final Linear stay in float: they are 0.01 % of the work, confidences are not squeezed, and the
    class-activation map of the quantised ``features`` stays exact. So does the arithmetic before the first
    convolution.

    Parameters
    ----------
    calibration
        ``[N, H, W] uint8`` preprocessed training scans, at least one: the smallest and largest value of each tensor
        over them become its range.
    """
    # The quantiser talks through the root logger.
    with errors_only(logging.getLogger()), tempfile.TemporaryDirectory() as scratch:
        shaped = Path(scratch) / "shaped.onnx"
        # Shapes alone: the exporter has optimised the graph, and ONNX Runtime's optimiser changes nothing more but
        # declares nine operator sets that are not used.
        quant_pre_process(str(fp32), str(shaped), skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            str(shaped),
            str(out),
            ScanReader(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=list(QUANTISED),
        )
