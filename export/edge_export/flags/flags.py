"""Flags and profile of a bundle, fitted at each precision on what the compiled members themselves answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.graphs.simulate import Simulation
from edge_run.bundle.manifest import FeatureDistanceThreshold, FlagThresholds
from edge_run.flags import NAMES, FeatureDistance, disagreement, quality_flags
from edge_run.flags.quality import standardised
from edge_run.voting.vote import decide
from edge_train.data.decode import read_each

from .feature_distance import fit_statistics, see
from .profile import profile
from .thresholds import fit_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.bundle.material import Material
    from edge_export.bundle.writer import BundleWriter
    from edge_export.gate.compile import Compiled, Vote
    from edge_export.gate.precisions import Recipe
    from edge_run.bundle.manifest import File, Profile
    from edge_run.scan.preprocessing import PreprocessSpec

    from .thresholds import Fitted, Target

_FLAGS = {"confidence": "low-confidence", "disagreement": "members-disagree", "distance": "out-of-distribution"}


class Flags(NamedTuple):
    """By precision: from where on an answer is flagged, and what the validation scans looked like."""

    thresholds: dict[str, FlagThresholds]
    profiles: dict[str, Profile]


class Witness(NamedTuple):
    """The member whose features say what is familiar, and what it and the eye saw.

    Attributes
    ----------
    distances
        Of the validation scans ``[N]``, by precision.
    statistics
        The bundle's files, by precision.
    typical
        The bundle's file, and as :func:`edge_run.flags.quality_flags` takes it.
    """

    id: str
    distances: dict[str, NDArray[np.float64]]
    statistics: dict[str, File]
    typical: tuple[File, NDArray[np.float64]]


def flag(
    compiled: Sequence[Compiled],
    votes: Mapping[str, Vote],
    always: Sequence[str],
    labels: Sequence[str],
    material: Material,
    witness: Witness,
    target: Target,
) -> Flags:
    """Fit the thresholds and describe the validation scans.

    Parameters
    ----------
    always
        Members that always answer.

    Raises
    ------
    UsageError
        The target is out of reach.
    """
    validation = material.validation
    quality = _quality(validation.paths, witness.typical[1])
    members = [c for c in compiled if c.original.id in always]
    thresholds, profiles = {}, {}
    for precision, voted in votes.items():
        p = voted.probabilities
        measures = {"score": p[:, validation.positive], "confidence": p.max(axis=1)}
        if len(members) > 1:
            said = np.stack([c.artefacts[precision].answers.probabilities for c in members])
            measures["disagreement"] = disagreement(said, [c.original.weight for c in members])
        measures["distance"] = witness.distances[precision]
        decided = decide(p, positive=validation.positive, threshold=validation.threshold)
        doubts = {
            name: -measures[name] if name == "confidence" else measures[name] for name in _FLAGS if name in measures
        }
        fitted = fit_flags(doubts, decided != validation.targets, validation.groups, target)
        thresholds[precision] = _thresholds(fitted, target, witness, precision)
        marked = {_FLAGS[name]: values >= fitted.thresholds[name] for name, values in doubts.items()} | quality
        profiles[precision] = profile(measures, {n: marked[n] for n in NAMES if n in marked}, decided, labels)
    return Flags(thresholds, profiles)


def ask_witness(
    compiled: Sequence[Compiled],
    recipes: Mapping[str, Recipe],
    always: Sequence[str],
    material: Material,
    spec: PreprocessSpec,
    writer: BundleWriter,
    progress: Callable[[int, int], None],
) -> Witness:
    """Show training and validation scans to the member with the fewest features of those that always answer."""
    chosen = min((c for c in compiled if c.original.id in always), key=lambda c: c.original.head.shape[1])
    member_id = chosen.original.id
    networks = {
        precision: Simulation(chosen.artefacts[precision].path, half_scales=recipe.half_scales)
        for precision, recipe in recipes.items()
    }
    seen = see(material.training, spec, networks, progress)
    distances, files = {}, {}
    for precision, network in networks.items():
        statistics = fit_statistics(seen.pooled[precision])
        files[precision] = writer.add_array(f"flags/{member_id}.{precision}.npy", statistics)
        distances[precision] = FeatureDistance(statistics).distance(network.pooled(material.validation.pixels[:, None]))
    return Witness(
        member_id, distances, files, (writer.add_array("flags/typical.npy", seen.typical), standardised(seen.typical))
    )


def in_words(precision: str, fitted: FlagThresholds) -> str:
    """What was promised, and what is so on the validation scans."""
    error = "" if fitted.error is None else f", {fitted.error:.1%} of the others wrong"
    return (
        f"flags {precision}: {fitted.target}; {fitted.rate:.1%} of the validation scans flagged{error} "
        f"(at 95 % confidence, at most {fitted.error_bound:.1%} of patients have a wrong unflagged answer)"
    )


def _thresholds(fitted: Fitted, target: Target, witness: Witness, precision: str) -> FlagThresholds:
    found = fitted.thresholds
    return FlagThresholds(
        target=str(target),
        rate=float(fitted.flagged.mean()),
        low_confidence=-found["confidence"],
        disagreement=found.get("disagreement"),
        feature_distance=FeatureDistanceThreshold(witness.id, witness.statistics[precision], found["distance"]),
        typical=witness.typical[0],
        error=None if np.isnan(fitted.error) else fitted.error,
        error_bound=fitted.bound,
    )


def _quality(paths: Sequence[Path], typical: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Which scans each flag of image quality marks, by name."""
    marked = {name: np.zeros(len(paths), bool) for name in NAMES if name not in _FLAGS.values()}
    for position, scan in read_each(paths):
        for found in quality_flags(scan.pixels, typical):
            marked[found.name][position] = True
    return marked
