"""``evaluation.json``, typed."""

from __future__ import annotations

import msgspec

from .bootstrap import Interval

BLANKED = 0.6
FILL = 0


class Classifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member, or the vote, on the split.

    Attributes
    ----------
    figures
        By the names of :class:`edge_train.metrics.Metrics`.
    confusion
        ``[C, C]`` scans: row is the true label, column the decided one.
    """

    figures: dict[str, Interval]
    confusion: tuple[tuple[int, ...], ...]


class BorderControl(Classifier, frozen=True, forbid_unknown_fields=True):
    """The vote on scans whose centre is blanked.

    Attributes
    ----------
    blanked
        Share of the height and of the width.
    fill
        Grey level in its place; 0 is black.
    """

    blanked: float = BLANKED
    fill: int = FILL


class Evaluated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which scans were evaluated.

    Attributes
    ----------
    folders
        Names, never their place on a disk.
    fingerprint
        Of the whole data set, see :attr:`edge_train.data.Dataset.fingerprint`.
    counts
        Scans of the split by label.
    """

    folders: tuple[str, ...]
    fingerprint: str
    split_source: str
    split: str
    scans: int
    groups: int
    counts: dict[str, int]


class Evaluation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``evaluation.json``.

    Attributes
    ----------
    notes
        What a reader of the figures should know, one sentence each.
    weights
        Share of the vote, by member.
    resamples, level
        Of the bootstrap over groups.
    """

    name: str
    answered_by: dict[str, str]
    data: Evaluated
    notes: tuple[str, ...]
    labels: tuple[str, ...]
    positive: str
    threshold: float | None
    weights: dict[str, float]
    resamples: int
    level: float
    members: dict[str, Classifier]
    ensemble: Classifier
    border_only: BorderControl
