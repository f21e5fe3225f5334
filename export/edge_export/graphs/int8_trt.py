"""FP32 ONNX file -> INT8 as TensorRT wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from edge_run.bundle.derive import int8_trt

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from .ranges import Ranges


def quantise_for_tensorrt(fp32: Path, out: Path, ranges: Ranges, float_layers: Collection[str] = ()) -> None:
    """Write the ``int8-trt`` artefact; see :func:`edge_run.bundle.derive.int8_trt.quantise_for_tensorrt`."""
    model = onnx.load(fp32)
    int8_trt.quantise_for_tensorrt(model, ranges, float_layers)
    out.write_bytes(model.SerializeToString())
