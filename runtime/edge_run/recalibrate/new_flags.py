"""Flags, profile and figures of the new vote, on the noted cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from edge_run.bundle.manifest import Evaluation, Figure, FlagThresholds
from edge_run.flags import NAMES, disagreement
from edge_run.flags.profile import profile
from edge_run.flags.thresholds import fit_thresholds
from edge_run.metrics.bootstrap import with_intervals
from edge_run.voting.vote import decide, vote

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.bundle.manifest import Manifest, Profile
    from edge_run.flags.thresholds import Fitted, Target

    from .labelled import LabelledCases
    from .refit import Refit

SPLIT = "noted cases"
RESAMPLES = 1000
_FITTED = {"confidence": "low-confidence", "disagreement": "members-disagree", "distance": "out-of-distribution"}


class NewFlags(NamedTuple):
    """What a bundle's manifest says of flags, at the precision of the cases."""

    thresholds: FlagThresholds
    profile: Profile


def fit_new_flags(manifest: Manifest, precision: str, cases: LabelledCases, fitted: Refit, target: Target) -> NewFlags:
    """Fit the thresholds of the flags on the new vote; an answer is wrong where the vote without its fold is.

    Raises
    ------
    UsageError
        The target is out of reach with so few cases.
    """
    voted = vote(fitted.members, fitted.weights)
    measures = _measures(manifest, cases, fitted, voted)
    doubts = {name: -values if name == "confidence" else values for name, values in measures.items() if name in _FITTED}
    positive = manifest.task.labels.index(manifest.task.positive)
    decided = decide(fitted.honest, positive=positive, threshold=fitted.threshold)
    wrong = decided != cases.targets
    found = fit_thresholds(doubts, wrong, cases.groups, target)
    marked = {_FITTED[name]: values >= found.thresholds[name] for name, values in doubts.items()}
    # The limits of the flags of image quality are fixed: what the log says holds for the new bundle too.
    marked |= {
        name: np.array([name in names for names in cases.flags]) for name in NAMES if name not in _FITTED.values()
    }
    described = profile(measures, {n: marked[n] for n in NAMES if n in marked}, decided, manifest.task.labels)
    return NewFlags(_thresholds(manifest.flags[precision], found, target), described)


def evaluate(
    manifest: Manifest,
    cases: LabelledCases,
    voted: NDArray[np.float64],
    threshold: float | None,
    resamples: int = RESAMPLES,
) -> Evaluation:
    """Measure a vote ``[N, classes]`` on the cases, with 95 % intervals over groups."""
    positive = manifest.task.labels.index(manifest.task.positive)
    found = with_intervals(
        voted, cases.targets, cases.groups, positive=positive, threshold=threshold, resamples=resamples
    )
    figures = {name: Figure(one.value, one.low, one.high) for name, one in found.items()}
    return Evaluation(SPLIT, len(voted), figures)


def _measures(
    manifest: Manifest, cases: LabelledCases, fitted: Refit, voted: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    positive = manifest.task.labels.index(manifest.task.positive)
    measures = {"score": voted[:, positive], "confidence": voted.max(axis=1)}
    ids = [member.id for member in manifest.members]
    always = [ids.index(member_id) for member_id in manifest.stages[0]]
    if len(always) > 1:
        measures["disagreement"] = disagreement(fitted.members[always], [fitted.weights[m] for m in always])
    if cases.distance is not None:
        measures["distance"] = cases.distance
    return measures


def _thresholds(old: FlagThresholds, fitted: Fitted, target: Target) -> FlagThresholds:
    distance = old.feature_distance
    if distance is not None:
        distance = msgspec.structs.replace(distance, threshold=fitted.thresholds["distance"])
    return msgspec.structs.replace(
        old,
        target=str(target),
        rate=float(fitted.flagged.mean()),
        low_confidence=-fitted.thresholds["confidence"],
        disagreement=fitted.thresholds.get("disagreement"),
        feature_distance=distance,
        error=None if np.isnan(fitted.error) else fitted.error,
        error_bound=fitted.bound,
    )
