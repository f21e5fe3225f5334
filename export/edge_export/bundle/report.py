"""The report of an export, for programs: every figure, every tolerance, every layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import onnx

from edge_export.gate.gain import Gain, measure_gain
from edge_export.gate.gate import Gate
from edge_export.gate.sensitivity import LayerError
from edge_run.backends import BACKENDS
from edge_run.bundle.manifest import Parity
from edge_run.doctor import Machine, examine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from edge_export.gate.compile import CompiledMember, PrecisionVote
    from edge_export.gate.precisions import Recipe


class ArtefactReport(msgspec.Struct, frozen=True):
    """One artefact.

    Attributes
    ----------
    method
        How its ranges were measured; empty where nothing is quantised.
    float_layers
        Convolutions kept in float, so that the gate passes.
    layers
        All convolutions, the most sensitive first; empty where none had to be ranked.
    no_gain
        Neither much smaller nor faster than FP32, or most convolutions are in float.
    """

    temperature: float
    method: str
    parity: Parity
    gate: Gate
    gain: Gain
    no_gain: bool
    float_layers: tuple[str, ...]
    layers: tuple[LayerError, ...]


class VoteReport(msgspec.Struct, frozen=True):
    """The vote at one precision."""

    parity: Parity
    gate: Gate


class ExportReport(msgspec.Struct, frozen=True):
    """A whole export.

    Attributes
    ----------
    bundle
        Its short name.
    passed
        All gates passed; only then there is a bundle.
    members
        By id, then by precision.
    vote
        By precision.
    """

    bundle: str
    passed: bool
    members: dict[str, dict[str, ArtefactReport]]
    vote: dict[str, VoteReport]
    machine: Machine


def report(
    name: str,
    size: int,
    recipes: Mapping[str, Recipe],
    compiled: Sequence[CompiledMember],
    votes: Mapping[str, PrecisionVote],
) -> ExportReport:
    """Report every artefact and every vote."""
    members = {c.original.id: {p: _artefact(c, p, recipe, size) for p, recipe in recipes.items()} for c in compiled}
    gates = [v.gate for v in votes.values()] + [a.gate for found in members.values() for a in found.values()]
    return ExportReport(
        bundle=name,
        passed=all(gate.passed for gate in gates),
        members=members,
        vote={precision: VoteReport(v.parity, v.gate) for precision, v in votes.items()},
        machine=examine(),
    )


def _artefact(compiled: CompiledMember, precision: str, recipe: Recipe, size: int) -> ArtefactReport:
    made = compiled.artefacts[precision]
    gain = measure_gain(made.path, compiled.original.fp32, size, here=precision in BACKENDS["cpu"].precisions)
    return ArtefactReport(
        temperature=made.output.temperature,
        method=made.method,
        parity=made.parity,
        gate=made.gate,
        gain=gain,
        no_gain=precision != "fp32" and (gain.none or _mostly_float(compiled.original.fp32, made.float_layers)),
        float_layers=made.float_layers,
        layers=tuple(compiled.fallback.ranking(recipe, made.method)) if made.float_layers else (),
    )


def _mostly_float(fp32: Path, float_layers: Sequence[str]) -> bool:
    """Tell whether more than half of the convolutions are kept in float."""
    convolutions = {node.name for node in onnx.load(fp32).graph.node if node.op_type == "Conv"}
    return 2 * len(convolutions.intersection(float_layers)) > len(convolutions)
