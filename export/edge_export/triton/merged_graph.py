"""Members and vote in one ONNX file, for servers that know no ensembles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx
from onnx import checker, compose

from .members import SCAN, load_graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .members import VotingMember


def merged_graph(members: Sequence[VotingMember], vote: onnx.ModelProto) -> onnx.ModelProto:
    """Join the members and their vote.

    Parameters
    ----------
    vote
        As :func:`edge_export.triton.vote_graph.vote_graph` writes it, of the same members.

    Returns
    -------
    A graph from ``scan [N, 1, size, size] uint8`` to the outputs of the vote.
    """
    merged = onnx.ModelProto()
    merged.CopyFrom(vote)
    graph = merged.graph
    graph.name = "merged"
    graph.ClearField("node")
    graph.ClearField("input")
    for member in members:
        model = load_graph(member.network)
        if not graph.input:
            graph.input.append(model.graph.input[0])
        # Outputs become what the vote calls them: "resnet18/logits".
        own = compose.add_prefix(model, f"{member.id}/").graph
        for node in own.node:
            node.input[:] = [SCAN if name == f"{member.id}/{SCAN}" else name for name in node.input]
        graph.node.extend(own.node)
        graph.initializer.extend(own.initializer)
        merged.ir_version = max(merged.ir_version, model.ir_version)
        _add_opsets(merged, model)
    graph.node.extend(vote.graph.node)
    checker.check_model(merged)
    return merged


def _add_opsets(merged: onnx.ModelProto, model: onnx.ModelProto) -> None:
    known = {one.domain for one in merged.opset_import}
    merged.opset_import.extend(one for one in model.opset_import if one.domain not in known)
