"""A PyTorch member -> one ONNX file that takes grey levels and returns logits and features."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING

import onnx
import torch

from edge_run.errors import GateError

if TYPE_CHECKING:
    from pathlib import Path

    from edge_train.networks import Member

OPSET = 20
"""TensorRT 10.3, the oldest one that is served, parses up to this."""

INPUT, OUTPUTS = "scan", ("logits", "features")


class _EdgeGraph(torch.nn.Module):
    """The member in the order of outputs that the bundle promises."""

    def __init__(self, member: Member) -> None:
        super().__init__()
        self.member = member

    def forward(self, scan: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits, features = self.member(scan)
        return logits, features


def to_onnx(member: Member, path: Path, size: int) -> None:
    """Write the FP32 artefact: ``scan [N, 1, size, size] uint8 -> logits, features``, BatchNorm folded, one file.

    Raises
    ------
    GateError
        The exporter gave another graph than the one the bundle promises.
    """
    member.eval()
    # channels_last is a layout of this machine's training; the graph does not carry it.
    graph = _EdgeGraph(member.to(memory_format=torch.contiguous_format)).eval()  # type: ignore[call-overload]
    sample = torch.zeros(2, 1, size, size, dtype=torch.uint8)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # the exporter's own deprecations, none of them ours to mend
        torch.onnx.export(
            graph,
            (sample,),
            str(path),
            dynamo=True,
            opset_version=OPSET,
            external_data=False,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
    check(path)


def check(path: Path) -> None:
    """Hold an exported file to the bundle's promise.

    Raises
    ------
    GateError
        Input, outputs, opset or batch are not what they should be, or data lies outside the file.
    """
    model = onnx.load(path, load_external_data=False)
    onnx.checker.check_model(model)
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    names = [i.name for i in model.graph.input], tuple(o.name for o in model.graph.output)
    kind = model.graph.input[0].type.tensor_type
    outside = any(i.data_location == onnx.TensorProto.EXTERNAL for i in model.graph.initializer)
    fixed = bool(kind.shape.dim[0].dim_value)
    if names != ([INPUT], OUTPUTS) or kind.elem_type != onnx.TensorProto.UINT8 or opset != OPSET or outside or fixed:
        raise GateError(
            f"{path.name} is not the graph a bundle needs: {names}, opset {opset}, batch fixed: {fixed}, "
            f"external data: {outside}",
            mend="install the versions of constraints.txt",
        )


def multiply_adds(path: Path, size: int) -> int:
    """Multiply-adds of one scan, from the shapes of the convolutions and the final Linear."""
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = size
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    values = [*inferred.graph.value_info, *inferred.graph.output]
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in values}
    weights = {i.name: list(i.dims) for i in model.graph.initializer}
    total = 0
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm"):
            continue
        weight = weights[node.input[1]]
        total += _product(weight) * _product(shapes[node.output[0]][2:])
    return total


def _product(numbers: list[int]) -> int:
    result = 1
    for number in numbers:
        result *= max(1, number)
    return result
