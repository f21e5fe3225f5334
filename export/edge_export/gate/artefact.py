"""Build one artefact of one member, run it, and judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.graphs.graph import check
from edge_export.graphs.simulate import Simulation
from edge_run.calibration.temperature import fit_temperature
from edge_run.voting.vote import softmax

from .changes import count_changes
from .gate import Gate, judge
from .output import MemberOutput
from .parity import compare

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.scans.export_scans import ExportScans
    from edge_run.bundle.manifest import Parity

    from .precisions import Recipe
    from .trained_member import TrainedMember


class Candidate(NamedTuple):
    """An artefact, not yet accepted.

    Attributes
    ----------
    method
        How the ranges of its tensors were measured; empty where it has none.
    float_layers
        Convolutions that were kept in float.
    reference
        Its logits for the reference scans, ``[K, classes]``.
    """

    path: Path
    method: str
    float_layers: tuple[str, ...]
    output: MemberOutput
    reference: NDArray[np.float32]
    parity: Parity
    gate: Gate


def build_artefact(
    original: TrainedMember,
    precision: str,
    recipe: Recipe,
    scans: ExportScans,
    *,
    method: str = "",
    float_layers: tuple[str, ...] = (),
) -> Candidate:
    """Build an artefact, run it, fit its temperature, and compare it with its original.

    Raises
    ------
    GateError
        It is not the graph that a bundle promises.
    BackendError
        It cannot be loaded.
    """
    path = original.fp32.with_name(f"{original.id}.{precision}.onnx")
    if path != original.fp32:
        recipe.build(original.fp32, path, original.ranges.get(method, {}), float_layers)
    check(path)
    return assess_artefact(path, original, recipe, scans)._replace(method=method, float_layers=float_layers)


def assess_artefact(path: Path, original: TrainedMember, recipe: Recipe, scans: ExportScans) -> Candidate:
    """Run an artefact, fit its temperature, and compare it with its original."""
    simulation = Simulation(path, half_scales=recipe.half_scales)
    raw = simulation.logits(scans.validation.pixels[:, None])
    finite = np.isfinite(raw).all(axis=1, keepdims=True)
    # A scan without finite logits counts as undecided; the gate refuses it whatever the figures say.
    logits = np.where(finite, raw, np.float32(0))
    temperature = fit_temperature(logits, scans.validation.targets)
    output = MemberOutput(logits, temperature, softmax(logits, temperature))
    parity = compare(
        output.probabilities,
        original.output.probabilities,
        scans.validation,
        logit_difference=float(np.abs(logits - original.output.logits).max()),
    )
    changes = count_changes(output.probabilities, original.output.probabilities, scans.validation)
    gate = judge(parity, recipe.member, changes=changes, not_finite=int((~finite).sum()))
    return Candidate(path, "", (), output, simulation.run(scans.reference)[0], parity, gate)
