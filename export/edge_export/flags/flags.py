"""Flags and profile of a bundle, fitted at each precision on what the compiled members themselves answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge_export.graphs.simulate import Simulation
from edge_run.bundle.manifest import FeatureDistanceThreshold, FlagThresholds, OrientationCheck
from edge_run.flags import NAMES, FeatureDistance, Orientation, disagreement, image_flags
from edge_run.flags.profile import profile
from edge_run.flags.quality import standardised
from edge_run.flags.thresholds import fit_thresholds
from edge_run.voting.vote import decide
from edge_train.data.decode import read_each

from .feature_distance import extract_training_features, fit_statistics
from .orientation import fit_orientation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.gate.compile import CompiledMember, PrecisionVote
    from edge_export.gate.precisions import Recipe
    from edge_export.scans.export_scans import ExportScans
    from edge_run.bundle.manifest import File, Profile
    from edge_run.flags.thresholds import Fitted, Target
    from edge_run.scan.preprocessing import PreprocessSpec

_FLAGS = {"confidence": "low-confidence", "disagreement": "members-disagree", "distance": "out-of-distribution"}


class Flags(NamedTuple):
    """Thresholds of the flags and profile of the validation scans, by precision."""

    thresholds: dict[str, FlagThresholds]
    profiles: dict[str, Profile]


class OodReference(NamedTuple):
    """The training scans as a reference for what is out of distribution: one member's features, and the mean picture.

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


class ImageFlags(NamedTuple):
    """Flags that need no network: the check of orientation, and which validation scans each marks ``[N]``, by name.

    Attributes
    ----------
    orientation
        None: it would mark too many scans that are as they should be.
    """

    orientation: OrientationCheck | None
    marked: dict[str, NDArray[np.bool_]]


def fit_image_flags(
    training: Sequence[Path],
    validation: Sequence[Path],
    typical: NDArray[np.float64],
    store: Callable[[str, NDArray[Any]], File],
    say: Callable[[str], None],
) -> ImageFlags:
    """Fit the check of orientation, and count what the flags of the image mark.

    Parameters
    ----------
    training, validation
        Files of scans.
    typical
        As :func:`edge_run.flags.quality_flags` takes it; used where the check of orientation is left out.
    store
        Adds an array to the bundle under a path and returns its entry.
    say
        Receives a line about the check.
    """
    fitted = fit_orientation(training, validation)
    say(fitted.in_words())
    marked = {name: np.zeros(len(validation), bool) for name in NAMES if name not in _FLAGS.values()}
    judge = Orientation(fitted.models) if fitted.usable else None
    for position, scan in read_each(validation):
        for flag in image_flags(scan.pixels, judge, typical):
            marked[flag.name][position] = True
    if not fitted.usable:
        return ImageFlags(None, marked)
    file = store("flags/orientation.npy", fitted.models)
    return ImageFlags(OrientationCheck(file, fitted.flagged, fitted.inverted, fitted.turned), marked)


def fit_flags(
    compiled: Sequence[CompiledMember],
    votes: Mapping[str, PrecisionVote],
    always: Sequence[str],
    labels: Sequence[str],
    scans: ExportScans,
    ood: OodReference,
    image: ImageFlags,
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
    validation = scans.validation
    members = [c for c in compiled if c.original.id in always]
    thresholds, profiles = {}, {}
    for precision, voted in votes.items():
        p = voted.probabilities
        measures = {"score": p[:, validation.positive], "confidence": p.max(axis=1)}
        if len(members) > 1:
            probabilities = np.stack([c.artefacts[precision].output.probabilities for c in members])
            measures["disagreement"] = disagreement(probabilities, [c.original.weight for c in members])
        measures["distance"] = ood.distances[precision]
        decided = decide(p, positive=validation.positive, threshold=validation.threshold)
        doubts = {
            name: -measures[name] if name == "confidence" else measures[name] for name in _FLAGS if name in measures
        }
        fitted = fit_thresholds(doubts, decided != validation.targets, validation.groups, target)
        thresholds[precision] = _thresholds(fitted, target, ood, image, precision)
        marked = {_FLAGS[name]: values >= fitted.thresholds[name] for name, values in doubts.items()} | image.marked
        profiles[precision] = profile(measures, {n: marked[n] for n in NAMES if n in marked}, decided, labels)
    return Flags(thresholds, profiles)


def fit_ood(
    compiled: Sequence[CompiledMember],
    recipes: Mapping[str, Recipe],
    always: Sequence[str],
    scans: ExportScans,
    spec: PreprocessSpec,
    store: Callable[[str, NDArray[Any]], File],
    progress: Callable[[int, int], None],
) -> OodReference:
    """Measure how far validation scans lie from training scans in the features of one member.

    Of the members that always answer, the one with the fewest features is taken.

    Parameters
    ----------
    store
        Adds an array to the bundle under a path and returns its entry.
    """
    chosen = min((c for c in compiled if c.original.id in always), key=lambda c: c.original.head.shape[1])
    member_id = chosen.original.id
    networks = {
        precision: Simulation(chosen.artefacts[precision].path, half_scales=recipe.half_scales)
        for precision, recipe in recipes.items()
    }
    features = extract_training_features(scans.training, spec, networks, progress)
    distances, files = {}, {}
    for precision, network in networks.items():
        statistics = fit_statistics(features.pooled[precision])
        files[precision] = store(f"flags/{member_id}.{precision}.npy", statistics)
        distances[precision] = FeatureDistance(statistics).distance(network.pooled(scans.validation.pixels[:, None]))
    return OodReference(
        member_id, distances, files, (store("flags/typical.npy", features.typical), standardised(features.typical))
    )


def _thresholds(fitted: Fitted, target: Target, ood: OodReference, image: ImageFlags, precision: str) -> FlagThresholds:
    by_measure = fitted.thresholds
    return FlagThresholds(
        target=str(target),
        rate=float(fitted.flagged.mean()),
        low_confidence=-by_measure["confidence"],
        disagreement=by_measure.get("disagreement"),
        feature_distance=FeatureDistanceThreshold(ood.id, ood.statistics[precision], by_measure["distance"]),
        typical=ood.typical[0],
        orientation=image.orientation,
        error=None if np.isnan(fitted.error) else fitted.error,
        error_bound=fitted.bound,
    )
