"""Toy networks, in PyTorch and compiled, whose answer depends on one square of the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from edge_explain import Originals
    from edge_run import Ensemble

SIZE, CELL, WIDTH = 64, 8, 4
SQUARE = (slice(16, 32), slice(40, 56))
ARCHS = ("resnet18", "googlenet")
WEIGHTS, TEMPERATURES = (2 / 3, 1 / 3), (1.0, 1.25)
"""As the toy bundle has them."""


class Planted(NamedTuple):
    """A scan whose answer is one square's doing, the ensemble that gives it, and its originals."""

    scan: NDArray[np.uint8]
    without: NDArray[np.uint8]
    ensemble: Ensemble
    originals: Originals


def background_scan(seed: int) -> NDArray[np.uint8]:
    """Smooth slopes, ``[SIZE, SIZE] uint8``: no texture that the networks look for."""
    rng = np.random.default_rng(seed)
    slope = np.linspace(-1, 1, SIZE)
    grey = 120 + rng.uniform(-30, 30) * slope + rng.uniform(-30, 30) * slope[:, None]
    return np.clip(grey + rng.normal(0, 2, (SIZE, SIZE)), 0, 255).astype(np.uint8)


def with_square(scan: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Upright stripes in the square."""
    striped = scan.copy()
    striped[SQUARE] = np.where(np.arange(16) % 8 < 4, 220, 30)
    return striped


def by_cell(attribution: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sums over cells: what single pixels of noise add and take is nothing to the network."""
    places = SIZE // CELL
    return attribution.reshape(places, CELL, places, CELL).sum((1, 3))


def kernel(seed: int, cell: int = CELL) -> NDArray[np.float32]:
    """``[WIDTH, 1, cell, cell]``: the first channel sees upright stripes, the others next to nothing."""
    found = np.random.default_rng(seed).normal(0, 0.01, (WIDTH, 1, cell, cell))
    found[0, 0] = np.where(np.arange(cell) % 8 < 4, 1, -1) / 8
    return (found - found.mean((2, 3), keepdims=True)).astype(np.float32)


def head() -> NDArray[np.float32]:
    """``[2, WIDTH]``: the first class lives on the first channel."""
    found = np.zeros((2, WIDTH), np.float32)
    found[:, 0] = 24, -24
    return found


BIAS = np.array([-1, 1], np.float32)


def toy_onnx(seed: int, cell: int = CELL) -> bytes:
    """``scan -> logits, features`` of :func:`toy_member`, with a map of ``SIZE / cell`` places on a side."""
    weights = {
        "scale": np.float32(1 / 255),
        "sides": np.array([2, 3], np.int64),
        "kernel": kernel(seed, cell),
        "head": head(),
        "bias": BIAS,
    }
    nodes = [
        helper.make_node("Cast", ["scan"], ["grey"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["grey", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "kernel"], ["convolved"], strides=[cell, cell]),
        helper.make_node("Relu", ["convolved"], ["features"]),
        helper.make_node("ReduceMean", ["features", "sides"], ["pooled"], keepdims=0),
        helper.make_node("Gemm", ["pooled", "head", "bias"], ["logits"], transB=1),
    ]
    places = SIZE // cell
    graph = helper.make_graph(
        nodes,
        "planted",
        [helper.make_tensor_value_info("scan", TensorProto.UINT8, ["batch", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 2]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", WIDTH, places, places]),
        ],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    return bytes(model.SerializeToString())


def toy_member(seed: int) -> torch.nn.Module:
    """What the explanations use of :class:`edge_train.networks.member.Member`."""
    import torch
    from torch import nn

    from edge_train.networks.member import Architecture

    class Toy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.architecture = Architecture(("block",), "block.0", WIDTH)
            self.net = nn.Module()
            self.net.block = nn.Sequential(nn.Conv2d(1, WIDTH, CELL, CELL, bias=False), nn.ReLU(inplace=True))
            self.net.fc = nn.Linear(WIDTH, 2)
            self.net.block[0].weight.data = torch.from_numpy(kernel(seed))
            self.net.fc.weight.data = torch.from_numpy(head())
            self.net.fc.bias.data = torch.from_numpy(BIAS.copy())

        def forward(self, grey: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            features = self.net.block(grey.float() / 255)
            return self.net.fc(features.mean((2, 3))), features

    return Toy()
