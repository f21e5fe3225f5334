"""``evaluation.json``, typed."""

from __future__ import annotations

import msgspec

from edge_run.metrics.bootstrap import Interval

BLANKED = 0.6
FILL = 0


class Classifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member, or the vote, on the split.

    Attributes
    ----------
    figures
        By the names of :class:`edge_run.metrics.figures.Metrics`.
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


class Flagged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bundle's flags do on the split.

    Attributes
    ----------
    rates
        Share of the scans that each flag marks, by name; ``any``: that at least one marks.
    unflagged, unflagged_wrong
        Scans without a flag, and those of them whose answer is wrong.
    error, low, high
        Share of the unflagged that is wrong, and its interval by Clopper and Pearson (1934), which takes scans for
        independent; None where all are flagged.
    error_bound
        Upper 95 % confidence bound on the share of groups with a wrong unflagged answer, which does not.
    flagged_error
        Share of the flagged that is wrong; None where none is flagged.
    """

    rates: dict[str, float]
    unflagged: int
    unflagged_wrong: int
    error: float | None
    low: float | None
    high: float | None
    error_bound: float | None
    flagged_error: float | None


class Evaluated(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which scans were evaluated.

    Attributes
    ----------
    folders
        Names, never their place on a disk.
    fingerprint
        Of the whole data set, see :attr:`edge_train.data.dataset.Dataset.fingerprint`.
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
    flags
        None of a run, which has none.
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
    flags: Flagged | None = None
