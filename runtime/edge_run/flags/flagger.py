"""A bundle's flags at one precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import BundleError
from edge_run.voting.early_exit import certain_confidence
from edge_run.voting.prediction import Flag

from .disagreement import disagreement
from .feature_distance import Familiar, pool
from .quality import TYPICAL_SIDE, inspect, standardised

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import File
    from edge_run.voting.early_exit import Bounds

NAMES = (
    "low-confidence",
    "members-disagree",
    "unlike-training",
    "too-small",
    "blank",
    "clipped",
    "mostly-border",
    "inverted",
)
"""Every flag there is, in the order of the documents."""


class Evidence(NamedTuple):
    """What the members that always answer know of one scan.

    Attributes
    ----------
    pixels
        The scan as it was read, ``[H, W] uint8``; None where only the network's input is at hand.
    probabilities
        Calibrated, ``[classes]``, by network.
    features
        Last convolutional block, ``[width, h, w]``, by network.
    """

    pixels: NDArray[np.uint8] | None
    probabilities: Mapping[str, NDArray[np.float64]]
    features: Mapping[str, NDArray[np.float32]]


class Noted(NamedTuple):
    """Flags that no later answer can change, and what they were judged by."""

    flags: tuple[Flag, ...]
    measures: dict[str, float]


class Flagger:
    """Judges answers.

    Raises
    ------
    BundleError
        The bundle's statistics are missing or not what they should be.
    """

    def __init__(self, bundle: Bundle, precision: str) -> None:
        manifest = bundle.manifest
        self.thresholds = manifest.flags[precision]
        self.always = manifest.stages[0]
        self._weights = {member.id: member.weight for member in manifest.members}
        fitted = self.thresholds.feature_distance
        self._familiar = Familiar(bundle.read_array(fitted.statistics)) if fitted else None
        self._typical = _typical(bundle, self.thresholds.typical)

    def note(self, evidence: Evidence) -> Noted:
        """Judge everything but the vote's confidence."""
        flags = list(inspect(evidence.pixels, self._typical)) if evidence.pixels is not None else []
        measures: dict[str, float] = {}
        accepted = self.thresholds.disagreement
        if len(self.always) > 1:
            said = [evidence.probabilities[member_id] for member_id in self.always]
            apart = float(disagreement(said, [self._weights[member_id] for member_id in self.always]))
            measures["disagreement"] = apart
            if accepted is not None and apart > accepted:
                names = f"{', '.join(self.always[:-1])} and {self.always[-1]}"
                reason = f"{names} answer differently ({apart:.2f} bits apart, accepted up to {accepted:.2f})"
                flags.append(Flag("members-disagree", reason))
        fitted = self.thresholds.feature_distance
        if fitted and self._familiar:
            pooled = pool(evidence.features[fitted.member][None])
            measures["distance"] = distance = float(self._familiar.distance(pooled)[0])
            if distance >= fitted.threshold:
                reason = f"distance {distance:.2f}, accepted below {fitted.threshold:.2f}"
                flags.append(Flag("unlike-training", f"the scan is unlike the training scans ({reason})"))
        return Noted(tuple(flags), measures)

    def of_confidence(self, within: Bounds) -> tuple[Flag, ...] | None:
        """Judge the vote's confidence; None where missing members could still change the verdict."""
        wanted, best = self.thresholds.low_confidence, float(within.high.max())
        reached = best >= wanted if within.exact else certain_confidence(within, wanted)
        if reached is None:
            return None
        if reached:
            return ()
        sure = f"{best:.0%}" if within.exact else f"at most {best:.0%}"
        return (Flag("low-confidence", f"the vote is {sure} sure, less than the {wanted:.0%} that is asked for"),)


def _typical(bundle: Bundle, file: File | None) -> NDArray[np.float64] | None:
    """The mean training scan, as `inspect` takes it."""
    if file is None:
        return None
    found = bundle.read_array(file)
    if found.shape != (TYPICAL_SIDE, TYPICAL_SIDE) or found.dtype != "uint8":
        raise BundleError(f"{file.path} is no mean scan of {TYPICAL_SIDE}x{TYPICAL_SIDE}", hint="export it again")
    return standardised(found)
