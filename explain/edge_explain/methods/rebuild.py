"""Rebuild the PyTorch networks of a bundle from one of the ONNX files that it stores.

The exporter names weights after the modules that they belong to, and has folded each BatchNorm into the convolution
before it. So kernels and biases are multiplied out, convolutions get a bias, and BatchNorm becomes the identity. What
differs from the stored network is that activations stay float.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from edge_run.errors import BundleError
from edge_train.networks.member import Member, Normalisation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import BundleMember

    Tensors = dict[str, NDArray[np.generic]]

PREFERRED = ("fp32", "int8-cpu")
"""Precisions that a network is rebuilt from: float networks, whether stored or derived, then the stored INT8 one."""

_PREFIX, _SUFFIX = "net.", ".weight"
_DEQUANTIZED = "_DequantizeLinear_Output"


class Weights(NamedTuple):
    """Weight and bias of one layer, ``float32``."""

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def source_precision(member: BundleMember) -> str:
    """Name the stored precision whose file a network is rebuilt from."""
    precision = rebuilt_precision(member)
    return member.artefacts[precision].derived_from or precision


def rebuilt_precision(member: BundleMember) -> str:
    """Choose the precision that a rebuilt network computes like, and whose temperature it therefore has."""
    return next((precision for precision in PREFERRED if precision in member.artefacts), next(iter(member.artefacts)))


def rebuild(bundle: Bundle, member: BundleMember) -> Member:
    """Rebuild one network.

    Parameters
    ----------
    bundle, member
        The bundle, and one of its members.

    Returns
    -------
    The torchvision modules with BatchNorm folded, ``uint8 [N, 1, H, W] -> logits, features``, in eval mode.

    Raises
    ------
    BundleError
        The file is damaged, or its layers are not those of the network that the manifest names.
    """
    data = bundle.source_of(member, rebuilt_precision(member)).read()
    try:
        graph = onnx.load_model_from_string(data).graph
        tensors = _constants(graph)
        layers = {name: _layer(node, tensors) for node in graph.node if (name := _module(node))}
        normalisation = Normalisation(float(tensors["mean"]), float(tensors["std"]))
        rebuilt = Member(member.arch, len(bundle.manifest.task.labels), normalisation)
        _fill(rebuilt.net, layers)
    except Exception as error:
        # The file is as its manifest says, so whatever fails here is a network of another kind.
        raise BundleError(
            f"the PyTorch original of {member.id} cannot be rebuilt from the bundle {bundle.manifest.name}: {error}",
            hint="give the run that the bundle was exported from with --run",
        ) from error
    return rebuilt.eval()


def _constants(graph: onnx.GraphProto) -> Tensors:
    """Read the initialisers, and multiply out those behind a DequantizeLinear."""
    if any(each.data_location == onnx.TensorProto.EXTERNAL for each in graph.initializer):
        raise ValueError("its weights lie in another file")
    tensors: Tensors = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in tensors:
            quantized, scale, *zero = (tensors[name] for name in node.input)
            axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 1)
            shape = [-1 if at == axis and scale.size > 1 else 1 for at in range(quantized.ndim)]
            offset = zero[0].reshape(shape).astype(np.float32) if zero else np.float32(0)
            tensors[node.output[0]] = (quantized.astype(np.float32) - offset) * scale.reshape(shape).astype(np.float32)
    return tensors


def _module(node: onnx.NodeProto) -> str:
    """Name the torchvision module of a layer with weights; empty where the node is none."""
    if node.op_type not in ("Conv", "Gemm"):
        return ""
    name: str = node.input[1].removesuffix(_DEQUANTIZED)
    if not name.startswith(_PREFIX) or not name.endswith(_SUFFIX):
        raise ValueError(f"a layer has weights of the unknown name {name!r}")
    return name.removeprefix(_PREFIX).removesuffix(_SUFFIX)


def _layer(node: onnx.NodeProto, tensors: Tensors) -> Weights:
    weight = np.asarray(tensors[node.input[1]], np.float32)
    has_bias = len(node.input) > 2 and node.input[2]
    return Weights(weight, np.asarray(tensors[node.input[2]] if has_bias else np.zeros(len(weight)), np.float32))


def _fill(net: nn.Module, layers: dict[str, Weights]) -> None:
    """Give every layer its weights, and replace BatchNorm by the identity.

    Raises
    ------
    ValueError
        Layers are missing, left over or of another shape.
    """
    modules = {name: module for name, module in net.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}
    if other := modules.keys() ^ layers.keys():
        raise ValueError(f"its layers are not those of the network: {', '.join(sorted(other)[:3])}")
    for name, module in modules.items():
        weight, bias = (torch.from_numpy(values.copy()) for values in layers[name])
        if weight.shape != module.weight.shape or bias.shape != weight.shape[:1]:
            raise ValueError(f"{name} has the shape {tuple(weight.shape)}, not {tuple(module.weight.shape)}")
        module.weight, module.bias = nn.Parameter(weight), nn.Parameter(bias)
    for parent in list(net.modules()):
        for child, layer in parent.named_children():
            if isinstance(layer, nn.BatchNorm2d):
                setattr(parent, child, nn.Identity())
