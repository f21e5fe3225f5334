"""Compile every member at each precision, and repair what the gates refuse by keeping layers in float."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.voting.vote import vote

from . import gate as gates
from .artefact import Candidate, build_artefact
from .changes import count_changes
from .float_fallback import FloatFallback
from .gate import Gate, judge
from .parity import compare, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_export.reporter import Reporter
    from edge_export.scans.export_scans import ExportScans, ValidationScans
    from edge_run.bundle.manifest import Parity

    from .output import MemberOutput
    from .precisions import Recipe
    from .trained_member import TrainedMember


class PrecisionVote(NamedTuple):
    """The members' vote at one precision: its probabilities ``[N, classes]``, compared with the originals' vote."""

    probabilities: NDArray[np.float64]
    parity: Parity
    gate: Gate


class CompiledMember(NamedTuple):
    """One member: its original, its artefacts by precision, and the float fallback that knows its layers."""

    original: TrainedMember
    artefacts: dict[str, Candidate]
    fallback: FloatFallback


def compile_member(
    original: TrainedMember, recipes: Mapping[str, Recipe], scans: ExportScans, reporter: Reporter
) -> CompiledMember:
    """Build each artefact; a quantised one that fails its gate keeps its worst layers in float.

    Of several methods to measure ranges, the one is taken whose probabilities stay nearest to the original's on the
    validation scans (mean Kullback-Leibler divergence). Twins (``int8-trt`` and its FP16) share method and layers.
    """
    fallback = FloatFallback(original, scans, reporter)
    artefacts: dict[str, Candidate] = {}
    twins: dict[bool, Candidate] = {}
    for precision, recipe in recipes.items():
        if not recipe.calibrated:
            artefacts[precision] = build_artefact(original, precision, recipe, scans)
        elif recipe.symmetric in twins:
            twin = twins[recipe.symmetric]
            alike = build_artefact(
                original, precision, recipe, scans, method=twin.method, float_layers=twin.float_layers
            )
            artefacts[precision] = fallback.repair(precision, recipe, alike)
        else:
            candidate = _best(original, precision, recipe, scans)
            artefacts[precision] = twins[recipe.symmetric] = fallback.repair(precision, recipe, candidate)
        reporter.say(artefact_line(original.id, precision, artefacts[precision]))
    return CompiledMember(original, artefacts, fallback)


def _best(original: TrainedMember, precision: str, recipe: Recipe, scans: ExportScans) -> Candidate:
    """The artefact by the method that serves it best."""
    methods = list(original.ranges)
    candidates = [build_artefact(original, precision, recipe, scans, method=method) for method in methods]
    best = min(candidates, key=lambda candidate: divergence(original.output, candidate.output))
    if best is not candidates[-1]:  # the file is that of the last method tried
        build_artefact(original, precision, recipe, scans, method=best.method)
    return best


def compile_vote(
    compiled: Sequence[CompiledMember], precision: str, recipe: Recipe, scans: ExportScans, reporter: Reporter
) -> PrecisionVote:
    """Let the members vote; where the vote fails its gate, the member that changed most keeps more in float."""
    while True:
        voted = judge_vote(compiled, precision, recipe, scans.validation)
        if not voted.gate.passed and recipe.calibrated:
            reporter.say(f"vote {precision}: {gates.in_words(voted.gate)}; keeping more layers in float")
        if voted.gate.passed or not recipe.calibrated or not _keep_more(compiled, precision, recipe, reporter):
            reporter.say(vote_line(precision, voted))
            return voted


def judge_vote(
    compiled: Sequence[CompiledMember], precision: str, recipe: Recipe, validation: ValidationScans
) -> PrecisionVote:
    """Compare the vote of the artefacts with the vote of the originals."""
    weights = [c.original.weight for c in compiled]
    probabilities = vote(np.stack([c.artefacts[precision].output.probabilities for c in compiled]), weights)
    reference = vote(np.stack([c.original.output.probabilities for c in compiled]), weights)
    worst = max(c.artefacts[precision].parity.max_abs_logit for c in compiled)
    parity = compare(probabilities, reference, validation, logit_difference=worst)
    changes = count_changes(probabilities, reference, validation)
    return PrecisionVote(probabilities, parity, judge(parity, recipe.vote, changes=changes))


def _keep_more(compiled: Sequence[CompiledMember], precision: str, recipe: Recipe, reporter: Reporter) -> bool:
    """Put more layers of one member in float; False where none is left."""

    def damage(member: CompiledMember) -> float:
        probabilities = member.artefacts[precision].output.probabilities
        return member.original.weight * float(np.abs(probabilities - member.original.output.probabilities).mean())

    for member in sorted(compiled, key=damage, reverse=True):
        better = member.fallback.keep_more(precision, recipe, member.artefacts[precision])
        if better is not None:
            member.artefacts[precision] = better
            reporter.say(artefact_line(member.original.id, precision, better))
            return True
    return False


def divergence(original: MemberOutput, artefact: MemberOutput) -> float:
    """Mean over scans of the Kullback-Leibler divergence of the artefact's probabilities from the original's, nats."""
    p, q = np.maximum(original.probabilities, 1e-12), np.maximum(artefact.probabilities, 1e-12)
    return float((p * np.log(p / q)).sum(axis=1).mean())


def artefact_line(member_id: str, precision: str, built: Candidate) -> str:
    """Describe one artefact and its judgement in one line."""
    kept = f", {len(built.float_layers)} layers kept in float" if built.float_layers else ""
    size = built.path.stat().st_size / 1e6
    return f"{member_id} {precision}: {size:.1f} MB{kept}, {in_words(built.parity)}{_refused(built.gate)}"


def vote_line(precision: str, voted: PrecisionVote) -> str:
    """Describe the vote at one precision and its judgement in one line."""
    return f"vote {precision}: {in_words(voted.parity)}{_refused(voted.gate)}"


def _refused(judged: Gate) -> str:
    return "" if judged.passed else f"; REFUSED: {gates.in_words(judged)}"
