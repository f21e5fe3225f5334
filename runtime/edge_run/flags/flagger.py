"""The flags of one bundle at one precision, with the thresholds that were fitted at export."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from edge_run.errors import BundleError
from edge_run.voting.early_exit import certain_confidence
from edge_run.voting.prediction import Flag

from .disagreement import disagreement
from .feature_distance import FeatureDistance, pool
from .orientation import Orientation, image_flags
from .quality import TYPICAL_SIDE, standardised

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
    "out-of-distribution",
    "too-small",
    "blank",
    "clipped",
    "mostly-border",
    "inverted",
    "turned",
)
"""All flags, in the order of the documents."""


class FlagInputs(NamedTuple):
    """What the flags of the first stage are computed from, for one scan.

    Attributes
    ----------
    pixels
        The scan as it was read, ``[H, W] uint8``; None where only the network's input is known.
    probabilities
        Calibrated probabilities ``[classes] float64`` of each member of the first stage, by architecture.
    features
        Output of its last convolutional block, ``[width, h, w] float32``, by architecture.
    """

    pixels: NDArray[np.uint8] | None
    probabilities: Mapping[str, NDArray[np.float64]]
    features: Mapping[str, NDArray[np.float32]]


class FirstStageFlags(NamedTuple):
    """Flags that no later member can change, and the measures that they were decided by, by name."""

    flags: tuple[Flag, ...]
    measures: dict[str, float]


class Flagger:
    """Decides which flags an answer gets.

    Parameters
    ----------
    bundle
        Its manifest holds the thresholds, its files the statistics of the training scans.
    precision
        One of the bundle's.

    Raises
    ------
    BundleError
        The bundle's statistics are missing or have another shape or type.
    """

    def __init__(self, bundle: Bundle, precision: str) -> None:
        manifest = bundle.manifest
        self.thresholds = manifest.flags[precision]
        self.always = manifest.stages[0]
        self._weights = {member.id: member.weight for member in manifest.members}
        fitted = self.thresholds.feature_distance
        self._feature_distance = FeatureDistance(bundle.read_array(fitted.statistics)) if fitted else None
        check = self.thresholds.orientation
        self._orientation = Orientation(bundle.read_array(check.models)) if check else None
        self._typical = _typical(bundle, self.thresholds.typical)

    def first_stage(self, inputs: FlagInputs) -> FirstStageFlags:
        """Compute every flag but the one of the vote's confidence, from the members of the first stage."""
        pixels = inputs.pixels
        flags = [] if pixels is None else list(image_flags(pixels, self._orientation, self._typical))
        measures: dict[str, float] = {}
        accepted = self.thresholds.disagreement
        if len(self.always) > 1:
            members = [inputs.probabilities[member_id] for member_id in self.always]
            bits = float(disagreement(members, [self._weights[member_id] for member_id in self.always]))
            measures["disagreement"] = bits
            if accepted is not None and bits > accepted:
                names = f"{', '.join(self.always[:-1])} and {self.always[-1]}"
                reason = f"{names} answer differently ({bits:.2f} bits apart, accepted up to {accepted:.2f})"
                flags.append(Flag("members-disagree", reason))
        fitted = self.thresholds.feature_distance
        if fitted and self._feature_distance:
            pooled = pool(inputs.features[fitted.member][None])
            measures["distance"] = distance = float(self._feature_distance.distance(pooled)[0])
            if distance >= fitted.threshold:
                reason = f"distance {distance:.2f}, accepted below {fitted.threshold:.2f}"
                flags.append(Flag("out-of-distribution", f"the scan is unlike the training scans ({reason})"))
        return FirstStageFlags(tuple(flags), measures)

    def confidence_flags(self, within: Bounds) -> tuple[Flag, ...] | None:
        """Flag a vote of low confidence.

        Parameters
        ----------
        within
            Bounds of the vote's probabilities; equal where all members have answered.

        Returns
        -------
        One flag or none; None where the members that have not answered yet could still change which.
        """
        wanted, best = self.thresholds.low_confidence, float(within.high.max())
        reached = best >= wanted if within.exact else certain_confidence(within, wanted)
        if reached is None:
            return None
        if reached:
            return ()
        sure = f"{best:.0%}" if within.exact else f"at most {best:.0%}"
        return (Flag("low-confidence", f"the vote is {sure} sure, less than the {wanted:.0%} that is asked for"),)


def _typical(bundle: Bundle, file: File | None) -> NDArray[np.float64] | None:
    """Read the mean training scan, standardised as `quality_flags` takes it."""
    if file is None:
        return None
    found = bundle.read_array(file)
    if found.shape != (TYPICAL_SIDE, TYPICAL_SIDE) or found.dtype != "uint8":
        raise BundleError(
            f"{file.path} is not a mean scan of {TYPICAL_SIDE}x{TYPICAL_SIDE}", hint="export the bundle again"
        )
    return standardised(found)
