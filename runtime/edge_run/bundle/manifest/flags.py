"""When an answer is flagged, and what the validation scans looked like."""

from __future__ import annotations

from itertools import pairwise

from .files import File, ManifestPart, is_share

RENAMED = {"unlike-training": "out-of-distribution"}
"""Names of flags in bundles and case logs from before 0.2 -> today's."""


class FeatureDistanceThreshold(ManifestPart, frozen=True):
    """How far a scan's pooled features may lie from those of the training scans.

    Attributes
    ----------
    member
        Whose features; it always answers.
    statistics
        See :class:`edge_run.flags.FeatureDistance`.
    threshold
        Flagged from this distance on.
    """

    member: str
    statistics: File
    threshold: float


class OrientationCheck(ManifestPart, frozen=True):
    """Models that tell inverted and turned scans, and what they do on the validation scans.

    Attributes
    ----------
    models
        See :class:`edge_run.flags.Orientation`.
    flagged
        Share of the validation scans that they mark as they are.
    inverted
        Share that they mark once light and dark are exchanged.
    turned
        Share that they mark once turned by 90, 180 or 270 degrees or upside down: the least of the four.
    """

    models: File
    flagged: float
    inverted: float
    turned: float

    def __post_init__(self) -> None:
        if not all(map(is_share, (self.flagged, self.inverted, self.turned))):
            raise ValueError("an orientation check names shares between 0 and 1")


class FlagThresholds(ManifestPart, frozen=True):
    """When an answer is flagged for a person, at one precision.

    Attributes
    ----------
    target
        What the thresholds were fitted for: ``rate=0.1`` (at most this share of the validation scans is flagged) or
        ``error=0.02`` (at most this share of the unflagged is wrong, at 95 % confidence).
    rate
        Share of the validation scans that the fitted flags mark.
    low_confidence
        Flagged when the largest probability of the vote is below this.
    disagreement
        Flagged when the members that always answer are further apart than this: weighted Jensen-Shannon divergence,
        bits. None: one member alone always answers, and has nobody to disagree with.
    feature_distance
        None: no features are compared.
    typical
        ``[32, 32] uint8`` ``.npy``: the mean of the training scans, to tell an inverted one. None: that is not looked
        for, or ``orientation`` does it.
    orientation
        None: turned scans are not looked for.
    error
        Share of the unflagged validation scans whose answer was wrong; None where it was not measured.
    error_bound
        Upper 95 % confidence bound, by Clopper and Pearson, on the share of groups (patients) with a wrong unflagged
        answer.
    """

    target: str
    rate: float
    low_confidence: float
    disagreement: float | None
    feature_distance: FeatureDistanceThreshold | None
    typical: File | None = None
    orientation: OrientationCheck | None = None
    error: float | None = None
    error_bound: float | None = None

    def __post_init__(self) -> None:
        shares = (self.low_confidence, self.rate, self.error or 0.0, self.error_bound or 0.0)
        if not (all(map(is_share, shares)) and (self.disagreement or 0.0) >= 0):
            raise ValueError("flag thresholds are shares between 0 and 1, and no disagreement below 0")


class Histogram(ManifestPart, frozen=True):
    """Counts between rising edges; what lies outside is counted in the first and last bin."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in pairwise(self.edges))
        if len(self.edges) != len(self.counts) + 1 or len(self.counts) < 1 or not rising or min(self.counts) < 0:
            raise ValueError("a histogram has one rising edge more than counts, and no count below 0")


class Profile(ManifestPart, frozen=True):
    """What the validation scans looked like, so that drift can be seen.

    Attributes
    ----------
    scans
        How many.
    measures
        By the names of :attr:`edge_run.voting.prediction.Decision.measures`.
    flags
        Scans that each flag marked.
    labels
        Scans that were given each label.
    """

    scans: int
    measures: dict[str, Histogram]
    flags: dict[str, int]
    labels: dict[str, int]
