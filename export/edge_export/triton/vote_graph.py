"""The vote as an ONNX graph: calibrated probabilities, their weighted mean, the label, and the heatmap.

A vote in ONNX runs inside the server. In Python, every answer would cross the boundary of a process: users of Triton
measured 6 ms for an ensemble and 32 ms for the same steps in Python (server#7622).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from edge_export.graphs.graph import OPSET

from .members import FEATURES, LOGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import onnx
    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Task

    from .members import VotingMember

PROBABILITIES, LABEL, HEATMAP = "probabilities", "label", "heatmap"
IR_VERSION = 10
"""ONNX Runtime 1.18 reads it, which Triton has since 24.07."""


def logits_of(member: VotingMember) -> str:
    """Return the name under which the vote takes a member's logits."""
    return f"{member.id}/{LOGITS}"


def features_of(member: VotingMember) -> str:
    """Return the name under which the vote takes a member's features."""
    return f"{member.id}/{FEATURES}"


def has_heatmap(members: Sequence[VotingMember]) -> bool:
    """Whether the members' maps have one known size, so that a graph can add them."""
    sizes = {member.features[1:] for member in members}
    return len(sizes) == 1 and all(side > 0 for side in members[0].features[1:])


def vote_graph(members: Sequence[VotingMember], task: Task) -> onnx.ModelProto:
    """Write the vote of a bundle at one precision as a graph.

    Returns
    -------
    A graph from each member's ``logits [N, classes] float32`` and ``features [N, width, h, w] float32`` to
    ``probabilities [N, classes] float64`` (:func:`edge_run.voting.vote.softmax` and ``vote``), ``label [N, 1] int64``
    (``decide``: the index of the class that is given out) and, where all features have one size,
    ``heatmap [N, classes, h, w] float32`` (:mod:`edge_run.heatmap.activation`: for each class the evidence for it).
    """
    classes = len(task.labels)
    graph = _Graph()
    share = np.array([member.weight for member in members], np.float64)
    share /= share.sum()
    for member in members:
        graph.input(logits_of(member), TensorProto.FLOAT, [classes])
    _add_probabilities(graph, members, share)
    graph.output(PROBABILITIES, TensorProto.DOUBLE, [classes])
    _add_label(graph, task)
    graph.output(LABEL, TensorProto.INT64, [1])
    if has_heatmap(members):
        for member in members:
            graph.input(features_of(member), TensorProto.FLOAT, list(member.features))
        _add_heatmap(graph, members, share)
        graph.output(HEATMAP, TensorProto.FLOAT, [classes, *members[0].features[1:]])
    return graph.model("vote")


class _Graph:
    """Nodes, constants and values of a graph in the making; the first dimension of each value is the batch."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []
        self._outputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, kind: int, sides: list[int]) -> None:
        self._inputs.append(helper.make_tensor_value_info(name, kind, ["batch", *sides]))

    def output(self, name: str, kind: int, sides: list[int]) -> None:
        self._outputs.append(helper.make_tensor_value_info(name, kind, ["batch", *sides]))

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: int) -> str:
        node = helper.make_node(kind, inputs, [output], f"node/{output}")
        node.attribute.extend(helper.make_attribute(name, value) for name, value in attributes.items())
        self._nodes.append(node)
        return output

    def model(self, name: str) -> onnx.ModelProto:
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "edge-run"
        checker.check_model(model, full_check=True)
        return model


def _add_probabilities(graph: _Graph, members: Sequence[VotingMember], share: NDArray[np.float64]) -> None:
    voted = []
    for member, weight in zip(members, share, strict=True):
        at = f"vote/{member.id}"
        temperature = graph.constant(f"{at}/temperature", np.float64(member.temperature))
        weighting = graph.constant(f"{at}/weight", np.float64(weight))
        exact = graph.add("Cast", [logits_of(member)], f"{at}/double", to=TensorProto.DOUBLE)
        scaled = graph.add("Div", [exact, temperature], f"{at}/scaled")
        calibrated = graph.add("Softmax", [scaled], f"{at}/probabilities", axis=-1)
        voted.append(graph.add("Mul", [calibrated, weighting], f"{at}/share"))
    graph.add("Sum", voted, PROBABILITIES)


def _add_label(graph: _Graph, task: Task) -> None:
    positive = task.labels.index(task.positive)
    if task.threshold is None or len(task.labels) != 2:
        graph.add("ArgMax", [PROBABILITIES], LABEL, axis=-1, keepdims=1)
        return
    index, answers = np.array([positive], np.int64), (np.int64(positive), np.int64(1 - positive))
    own = graph.add("Gather", [PROBABILITIES, graph.constant("label/positive", index)], "label/probability", axis=1)
    point = graph.constant("label/operating_point", np.float64(task.threshold))
    reached = graph.add("GreaterOrEqual", [own, point], "label/reached")
    yes, no = (graph.constant(f"label/{n}", a) for n, a in zip(("yes", "no"), answers, strict=True))
    graph.add("Where", [reached, yes, no], LABEL)


def _add_heatmap(graph: _Graph, members: Sequence[VotingMember], share: NDArray[np.float64]) -> None:
    maps = []
    for member, weight in zip(members, share, strict=True):
        # Contrast with the mean of the other classes, weighted and calibrated as the logits are: one 1x1 convolution.
        head = member.head.astype(np.float64)
        classes = len(head)
        contrast = (head - (head.sum(axis=0) - head) / (classes - 1)) * weight / member.temperature
        kernel = graph.constant(f"heatmap/{member.id}/kernel", contrast.astype(np.float32)[:, :, None, None])
        maps.append(graph.add("Conv", [features_of(member), kernel], f"heatmap/{member.id}"))
    graph.add("Sum", maps, HEATMAP)
