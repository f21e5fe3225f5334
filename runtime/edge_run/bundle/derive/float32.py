"""``int8-cpu`` ONNX -> the float graph that it quantises: the same kernels, nothing rounded on the way.

An ``int8-cpu`` graph stores its kernels in eight bits and rounds the tensors between its layers by pairs of
QuantizeLinear and DequantizeLinear. Here the kernels are multiplied out and the pairs are dropped. A pair of unsigned
eight bits with zero point 0 also cuts off what is below zero; behind a convolution or a sum it stands where the network
has its ReLU (the quantiser leaves that out), so a ReLU is put there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import helper, numpy_helper

from edge_run.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Ranges = dict[str, tuple[float, float]]
_QUANTISE, _DEQUANTISE = "QuantizeLinear", "DequantizeLinear"


class Kernel(NamedTuple):
    """A stored kernel: ``steps [out, ...] int8`` and one ``scale [out] float32`` for each output channel."""

    steps: NDArray[np.int8]
    scale: NDArray[np.float32]


class FloatGraph(NamedTuple):
    """What an ``int8-cpu`` graph computes, without rounding between its layers.

    Attributes
    ----------
    model
        The float32 graph. Layers that the bundle kept in float are as they were.
    ranges
        From which value to which the dropped pairs represented a tensor, by the tensor's name in ``model``.
    kernels
        The stored kernels, by the name of the float initializer that they became.
    """

    model: onnx.ModelProto
    ranges: Ranges
    kernels: dict[str, Kernel]


def to_float(int8_cpu: bytes) -> FloatGraph:
    """Read an ``int8-cpu`` artefact as the float32 graph that it quantises.

    Raises
    ------
    BundleError
        The bytes are no graph that `edge_export` writes as ``int8-cpu``.
    """
    try:
        model = onnx.load_model_from_string(int8_cpu)
        return _Dequantiser(model).run()
    except (DecodeError, KeyError, ValueError, TypeError, IndexError, onnx.checker.ValidationError) as error:
        raise BundleError(
            f"no float graph can be derived from this int8-cpu artefact: {error}", hint="export the bundle again"
        ) from error


class _Dequantiser:
    """One pass over the nodes of a graph, in their order."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._model, graph = model, model.graph
        self._stored = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
        self._makers = {name: node for node in graph.node for name in node.output}
        self._outputs = {output.name for output in graph.output}
        self._names: dict[str, str] = {}  # a tensor of the quantised graph -> its name in the float graph
        self._nodes: list[onnx.NodeProto] = []
        self._new: dict[str, NDArray[np.float32]] = {}
        self._ranges: Ranges = {}
        self._kernels: dict[str, Kernel] = {}

    def run(self) -> FloatGraph:
        for node in self._model.graph.node:
            if node.op_type == _QUANTISE:
                continue
            if node.op_type != _DEQUANTISE:
                copy = onnx.NodeProto()
                copy.CopyFrom(node)
                copy.input[:] = [self._names.get(name, name) for name in node.input]
                self._nodes.append(copy)
            elif node.input[0] in self._stored:
                self._multiply_out(node)
            else:
                self._drop_pair(node)
        return FloatGraph(self._finish(), self._ranges, self._kernels)

    def _multiply_out(self, node: onnx.NodeProto) -> None:
        """Store a kernel or a bias as float32."""
        steps, scale = self._stored[node.input[0]], self._stored[node.input[1]]
        zero = self._stored[node.input[2]] if len(node.input) > 2 else np.zeros_like(scale, steps.dtype)
        spread = (-1, *[1] * (steps.ndim - 1)) if scale.ndim else ()
        whole = steps.astype(np.float64) - zero.astype(np.float64).reshape(spread)
        self._new[node.output[0]] = (whole * scale.astype(np.float64).reshape(spread)).astype(np.float32)
        if steps.dtype == np.int8 and scale.ndim and not zero.any():
            self._kernels[node.output[0]] = Kernel(steps, scale)

    def _drop_pair(self, node: onnx.NodeProto) -> None:
        """Let the readers of a pair read what went into it, behind a ReLU where the pair was one."""
        quantise = self._makers[node.input[0]]
        if quantise.op_type != _QUANTISE:
            raise ValueError(f"{node.name} takes back what nothing quantises")
        before, after = quantise.input[0], node.output[0]
        source = self._names.get(before, before)
        scale, zero = float(self._stored[node.input[1]]), self._stored[node.input[2]]
        span = ((int(limit) - int(zero)) * scale for limit in (np.iinfo(zero.dtype).min, np.iinfo(zero.dtype).max))
        maker = self._makers.get(before)
        is_relu = maker is not None and maker.op_type in ("Conv", "Add") and zero.dtype == np.uint8 and zero == 0
        if is_relu or after in self._outputs:
            kind = "Relu" if is_relu else "Identity"
            self._nodes.append(helper.make_node(kind, [source], [after], node.name.replace("DequantizeLinear", kind)))
            source = after
        self._names[after] = source
        low, high = span
        self._ranges[source] = low, high

    def _finish(self) -> onnx.ModelProto:
        graph = self._model.graph
        graph.ClearField("node")
        graph.node.extend(self._nodes)
        graph.ClearField("value_info")
        used = {name for node in self._nodes for name in node.input}
        kept = [i for i in graph.initializer if i.name in used]
        graph.ClearField("initializer")
        graph.initializer.extend(kept)
        graph.initializer.extend(_initializers({name: a for name, a in self._new.items() if name in used}))
        onnx.checker.check_model(self._model)
        return self._model


def _initializers(arrays: dict[str, NDArray[np.float32]]) -> Iterator[onnx.TensorProto]:
    return (numpy_helper.from_array(array, name) for name, array in arrays.items())
