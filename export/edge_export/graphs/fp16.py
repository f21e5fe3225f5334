"""FP32 or INT8 ONNX file -> the same graph in half precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from edge_run.bundle.derive import fp16

from .graph import strip

if TYPE_CHECKING:
    from pathlib import Path


def to_fp16(source: Path, out: Path) -> None:
    """Write the artefact in half precision; see :func:`edge_run.bundle.derive.fp16.to_fp16`."""
    model = fp16.to_fp16(onnx.load(source))
    strip(model)
    out.write_bytes(model.SerializeToString())
