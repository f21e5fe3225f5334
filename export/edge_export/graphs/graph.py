"""The ONNX graph that a bundle promises, whatever its precision."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

from edge_run.errors import GateError

if TYPE_CHECKING:
    from pathlib import Path

OPSET = 20
"""TensorRT 10.3, the oldest one that is served, parses up to this."""

INPUT, OUTPUTS = "scan", ("logits", "features")


def strip(model: onnx.ModelProto) -> None:
    """Remove what exporters note about where a graph comes from: source lines, and with them paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def check(path: Path) -> None:
    """Hold a file to the promise: ``scan [N, 1, size, size] uint8 -> logits, features``, any N, all in one file.

    Raises
    ------
    GateError
        It is broken; the message says in what.
    """
    model = onnx.load(path, load_external_data=False)
    faults = _faults(model)
    if not faults:
        try:
            onnx.checker.check_model(model)
        except onnx.checker.ValidationError as error:
            faults = [str(error)]
    if faults:
        raise GateError(
            f"{path.name} is not the graph that a bundle promises: {'; '.join(faults)}",
            hint="pip install --upgrade 'edge-run[export]'",
        )


def _faults(model: onnx.ModelProto) -> list[str]:
    graph = model.graph
    names = [i.name for i in graph.input], [o.name for o in graph.output]
    if names != ([INPUT], list(OUTPUTS)):
        return [f"it maps {names[0]} to {names[1]}"]
    scan = graph.input[0].type.tensor_type
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), None)
    float_outputs = all(o.type.tensor_type.elem_type == onnx.TensorProto.FLOAT for o in graph.output)
    found = {
        "the scan is not uint8": scan.elem_type != onnx.TensorProto.UINT8,
        "an output is not float32": not float_outputs,
        "the batch is fixed": scan.shape.dim[0].HasField("dim_value"),
        f"opset {opset} instead of {OPSET}": opset != OPSET,
        "data lies outside the file": any(i.data_location == onnx.TensorProto.EXTERNAL for i in graph.initializer),
    }
    return [fault for fault, is_so in found.items() if is_so]
