"""Compile every member at each precision, and mend what the gates refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.bundle.artefact import Answers, Candidate, make
from edge_run.voting.vote import vote

from .float_fallback import FloatFallback
from .gate import Gate, judge
from .parity import compare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_export.bundle.material import Material, Validation
    from edge_export.bundle.original import Original
    from edge_export.reporter import Reporter
    from edge_run.bundle.manifest import Parity

    from .precisions import Recipe


class Vote(NamedTuple):
    """The members' vote at one precision: its probabilities ``[N, classes]``, held against the originals' vote."""

    probabilities: NDArray[np.float64]
    parity: Parity
    gate: Gate


class Compiled(NamedTuple):
    """One member: its original, its artefacts by precision, and what is known of its layers."""

    original: Original
    artefacts: dict[str, Candidate]
    mender: FloatFallback


def compile_member(original: Original, recipes: Mapping[str, Recipe], material: Material, talk: Reporter) -> Compiled:
    """Make each artefact; one that is quantised and fails its gate keeps its worst layers in float.

    Of several methods to find ranges, the one is taken whose probabilities stay nearest to the original's on the
    validation scans (mean Kullback-Leibler divergence). Twins (``int8-trt`` and its FP16) share method and layers.
    """
    mender = FloatFallback(original, material, talk.progress(f"{original.id}: ranking layers"))
    artefacts: dict[str, Candidate] = {}
    twins: dict[bool, Candidate] = {}
    for precision, recipe in recipes.items():
        if not recipe.calibrated:
            artefacts[precision] = make(original, precision, recipe, material)
        elif recipe.symmetric in twins:
            twin = twins[recipe.symmetric]
            alike = make(original, precision, recipe, material, method=twin.method, float_layers=twin.float_layers)
            artefacts[precision] = mender.hint(precision, recipe, alike)
        else:
            candidate = _best(original, precision, recipe, material)
            artefacts[precision] = twins[recipe.symmetric] = mender.hint(precision, recipe, candidate)
        talk.artefact(original.id, precision, artefacts[precision])
    return Compiled(original, artefacts, mender)


def _best(original: Original, precision: str, recipe: Recipe, material: Material) -> Candidate:
    """The artefact by the method that serves it best."""
    methods = list(original.ranges)
    candidates = [make(original, precision, recipe, material, method=method) for method in methods]
    best = min(candidates, key=lambda candidate: divergence(original.answers, candidate.answers))
    if best is not candidates[-1]:  # the file is that of the last method tried
        make(original, precision, recipe, material, method=best.method)
    return best


def compile_vote(
    compiled: Sequence[Compiled], precision: str, recipe: Recipe, material: Material, talk: Reporter
) -> Vote:
    """Let the members vote; where the vote fails its gate, the member that is furthest off keeps more in float."""
    while True:
        voted = poll(compiled, precision, recipe, material.validation)
        if voted.gate.passed or not recipe.calibrated or not _keep_more(compiled, precision, recipe, talk):
            talk.vote(precision, voted)
            return voted


def poll(compiled: Sequence[Compiled], precision: str, recipe: Recipe, validation: Validation) -> Vote:
    """The vote of the artefacts against the vote of the originals."""
    weights = [c.original.weight for c in compiled]
    found = vote(np.stack([c.artefacts[precision].answers.probabilities for c in compiled]), weights)
    reference = vote(np.stack([c.original.answers.probabilities for c in compiled]), weights)
    worst = max(c.artefacts[precision].parity.max_abs_logit for c in compiled)
    parity = compare(found, reference, validation, logit_difference=worst)
    return Vote(found, parity, judge(parity, recipe.vote))


def _keep_more(compiled: Sequence[Compiled], precision: str, recipe: Recipe, talk: Reporter) -> bool:
    """Put more layers of one member in float; False where none is left."""

    def damage(member: Compiled) -> float:
        found = member.artefacts[precision].answers.probabilities
        return member.original.weight * float(np.abs(found - member.original.answers.probabilities).mean())

    for member in sorted(compiled, key=damage, reverse=True):
        better = member.mender.keep_more(precision, recipe, member.artefacts[precision])
        if better is not None:
            member.artefacts[precision] = better
            talk.artefact(member.original.id, precision, better)
            return True
    return False


def divergence(original: Answers, artefact: Answers) -> float:
    """Mean over scans of the Kullback-Leibler divergence of the artefact's probabilities from the original's, nats."""
    p, q = np.maximum(original.probabilities, 1e-12), np.maximum(artefact.probabilities, 1e-12)
    return float((p * np.log(p / q)).sum(axis=1).mean())
