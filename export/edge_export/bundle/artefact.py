"""Make one artefact of one member, and see what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.gate.gate import Gate, judge
from edge_export.gate.parity import compare
from edge_export.graphs.graph import check
from edge_export.graphs.simulate import Simulation
from edge_run.voting.vote import softmax
from edge_train.fit.calibrate import fit_temperature

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.gate.precisions import Recipe
    from edge_run.bundle.manifest import Parity

    from .material import Material
    from .original import Original


class Answers(NamedTuple):
    """What a network says on the validation scans: logits, and probabilities at its temperature, ``[N, classes]``."""

    logits: NDArray[np.float32]
    temperature: float
    probabilities: NDArray[np.float64]


class Candidate(NamedTuple):
    """An artefact, not yet accepted.

    Attributes
    ----------
    method
        How the ranges of its tensors were found; empty where it has none.
    float_layers
        Convolutions that were kept in float.
    reference
        What it answers to the reference scans, ``[K, classes]``.
    """

    path: Path
    method: str
    float_layers: tuple[str, ...]
    answers: Answers
    reference: NDArray[np.float32]
    parity: Parity
    gate: Gate


def make(
    original: Original,
    precision: str,
    recipe: Recipe,
    material: Material,
    *,
    method: str = "",
    float_layers: tuple[str, ...] = (),
) -> Candidate:
    """Make an artefact, run it, fit its temperature, and hold it against its original.

    Raises
    ------
    GateError
        It is not the graph that a bundle promises.
    BackendError
        It cannot be loaded.
    """
    path = original.fp32.with_name(f"{original.id}.{precision}.onnx")
    if path != original.fp32:
        recipe.make(original.fp32, path, original.ranges.get(method, {}), float_layers)
    check(path)
    return assess(path, original, recipe, material)._replace(method=method, float_layers=float_layers)


def assess(path: Path, original: Original, recipe: Recipe, material: Material) -> Candidate:
    """Run an artefact, fit its temperature, and hold it against its original."""
    simulation = Simulation(path, half_scales=recipe.half_scales)
    found = simulation.logits(material.validation.pixels[:, None])
    finite = np.isfinite(found).all(axis=1, keepdims=True)
    # What is no number counts as an answer that is undecided; the gate refuses it whatever the figures say.
    logits = np.where(finite, found, np.float32(0))
    temperature = fit_temperature(logits, material.validation.targets)
    answers = Answers(logits, temperature, softmax(logits, temperature))
    parity = compare(
        answers.probabilities,
        original.answers.probabilities,
        material.validation,
        logit_difference=float(np.abs(logits - original.answers.logits).max()),
    )
    gate = judge(parity, recipe.member, not_finite=int((~finite).sum()))
    return Candidate(path, "", (), answers, simulation.run(material.reference)[0], parity, gate)
