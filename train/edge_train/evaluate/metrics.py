"""How well a classifier answers, and how far its probabilities can be believed.

Every figure is a function of probabilities, true labels and one weight per scan. :func:`measure` weighs each
scan once, :mod:`edge_train.evaluate.bootstrap` as often as it was drawn: one definition of each figure, not two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from edge_run.errors import DataError
from edge_run.voting.vote import decide

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

BINS = 15
_SMALLEST_PROBABILITY = 1e-12


class Metrics(msgspec.Struct, frozen=True):
    """The figures of one classifier on one set of scans.

    A figure that the scans cannot give (sensitivity without a positive scan, AUROC of one class) is NaN,
    which msgspec writes to JSON as ``null``.

    Attributes
    ----------
    accuracy
        Share of scans whose decided label is the true one.
    balanced_accuracy
        Mean over classes of the recall.
    sensitivity, specificity
        Recall of the positive class, and of all other classes taken as one, at the operating point.
    f1
        Two classes: F1 of the positive class. More: unweighted mean of the F1 of each class (macro).
    auroc
        Mann-Whitney statistic, a tie counts one half (Hanley and McNeil 1982, "The meaning and use of the
        area under a receiver operating characteristic (ROC) curve"). Two classes: positive against negative.
        More: unweighted mean over classes of one against the rest.
    ece, mce
        Expected and maximum calibration error over 15 bins of equal width, ``((m-1)/15, m/15]``, of the
        confidence (Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2). The confidence is
        the probability of the decided label: below one half where a threshold overrules the larger one.
    brier
        Mean over scans of the *sum over classes* of squared error, 0 to 2 (Brier 1950, "Verification of
        forecasts expressed in terms of probability"). For two classes, twice the form that looks at the
        positive class alone.
    nll
        Mean of ``-log p(true label)`` in nats, p clipped at 1e-12.
    aurc
        Area under the risk-coverage curve: the error among the most confident k scans, averaged over k (Geifman,
        Uziel and El-Yaniv 2019, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers"). The confidence is
        the largest probability; scans of one confidence are kept together.
    """

    accuracy: float
    balanced_accuracy: float
    sensitivity: float
    specificity: float
    f1: float
    auroc: float
    ece: float
    mce: float
    brier: float
    nll: float
    aurc: float


class ReliabilityBins(NamedTuple):
    """What a reliability diagram shows.

    Attributes
    ----------
    edges
        ``[BINS + 1] float64``, 0 to 1.
    counts
        ``[BINS] float64``: scans in the bin.
    accuracy, confidence
        ``[BINS] float64``: means over the bin's scans, NaN where it has none.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    confidence: NDArray[np.float64]


def measure(probabilities: ArrayLike, targets: ArrayLike, *, positive: int, threshold: float | None = None) -> Metrics:
    """All figures of one classifier on one set of scans.

    Parameters
    ----------
    probabilities
        ``[N, C] float64``, rows sum to 1.
    targets
        ``[N]`` integer, true class indices.
    positive, threshold
        As in :func:`edge_run.voting.vote.decide`.

    Raises
    ------
    DataError
        There are no scans.
    ValueError
        Shapes disagree, a row is not a distribution, or a target is no class.
    """
    weights = np.ones((1, len(np.asarray(targets))))
    figures = measure_weighted(probabilities, targets, weights, positive=positive, threshold=threshold)
    return Metrics(**{name: float(value[0]) for name, value in figures.items()})


def measure_weighted(
    probabilities: ArrayLike,
    targets: ArrayLike,
    weights: NDArray[np.float64],
    *,
    positive: int,
    threshold: float | None = None,
) -> dict[str, NDArray[np.float64]]:
    """All figures under R weightings of the same scans at once.

    Parameters
    ----------
    probabilities, targets, positive, threshold
        As in :func:`measure`, which also says what is raised.
    weights
        ``[R, N] float64``, not negative: how often each scan counts in each weighting.

    Returns
    -------
    One ``[R] float64`` per field of :class:`Metrics`; NaN where the weighted scans cannot give the figure.
    """
    p, labels = _checked(probabilities, targets, positive)
    decided = decide(p, positive=positive, threshold=threshold)
    classes = np.eye(p.shape[1])
    truth, answer = classes[labels], classes[decided]
    support, hits = weights @ truth, weights @ (truth * answer)
    recall = _ratio(hits, support)
    f1 = _ratio(2 * hits, support + weights @ answer)
    negative, cleared = 1 - truth[:, positive], (1 - truth[:, positive]) * (1 - answer[:, positive])
    rank = np.stack([auroc(p[:, c], labels == c, weights) for c in range(p.shape[1])], axis=1)
    two = p.shape[1] == 2
    ece, mce = _calibration_errors(p, labels, decided, weights)
    scans = weights.sum(axis=1)
    kept, risk = selective_risk(p.max(axis=1), decided != labels, weights)
    return {
        "accuracy": _ratio(hits.sum(axis=1), scans),
        "balanced_accuracy": recall.mean(axis=1),
        "sensitivity": recall[:, positive],
        "specificity": _ratio(weights @ cleared, weights @ negative),
        "f1": f1[:, positive] if two else f1.mean(axis=1),
        "auroc": rank[:, positive] if two else rank.mean(axis=1),
        "ece": ece,
        "mce": mce,
        "brier": _ratio(weights @ np.square(p - truth).sum(axis=1), scans),
        "nll": _ratio(weights @ -np.log(np.clip((p * truth).sum(axis=1), _SMALLEST_PROBABILITY, 1)), scans),
        "aurc": _ratio((kept * np.nan_to_num(risk)).sum(axis=1), scans),
    }


def auroc(
    scores: NDArray[np.float64], positives: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted Mann-Whitney statistic: how often a positive outranks a negative, a tie counting one half.

    Parameters
    ----------
    scores
        ``[N] float64``, higher means more likely positive.
    positives
        ``[N] bool``.
    weights
        ``[R, N] float64``.

    Returns
    -------
    ``[R] float64``; NaN where one of the two classes has no weight.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    # One column per distinct score: within it positives and negatives are tied.
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    positive = np.add.reduceat(weights[:, order] * positives[order], starts, axis=1)
    negative = np.add.reduceat(weights[:, order] * ~positives[order], starts, axis=1)
    outranked = np.cumsum(negative, axis=1) - negative / 2
    return _ratio((positive * outranked).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def selective_risk(
    confidence: NDArray[np.float64], wrong: NDArray[np.bool_], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Error among the most confident, for each distinct confidence from the highest on.

    Parameters
    ----------
    confidence, wrong
        ``[N]`` each.
    weights
        ``[R, N] float64``.

    Returns
    -------
    Weight of the scans of that confidence, and the error down to it, ``[R, K]`` each; NaN before the first weight.
    """
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    kept = np.add.reduceat(weights[:, order], starts, axis=1)
    missed = np.add.reduceat(weights[:, order] * wrong[order], starts, axis=1)
    return kept, _ratio(np.cumsum(missed, axis=1), np.cumsum(kept, axis=1))


def reliability_bins(
    probabilities: ArrayLike, targets: ArrayLike, *, positive: int, threshold: float | None = None
) -> ReliabilityBins:
    """Accuracy and mean confidence in each of the bins that ECE and MCE are made of.

    Parameters and what is raised are those of :func:`measure`.
    """
    p, labels = _checked(probabilities, targets, positive)
    decided = decide(p, positive=positive, threshold=threshold)
    sums = _bin_sums(p, labels, decided, np.ones((1, len(p))))
    counts, right, claimed = (each[0] for each in sums)
    edges = np.arange(BINS + 1) / BINS
    return ReliabilityBins(edges, counts, _ratio(right, counts), _ratio(claimed, counts))


def _bin_sums(
    p: NDArray[np.float64],
    labels: NDArray[np.int64],
    decided: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weight, correct weight and summed confidence per bin, each ``[R, BINS]``."""
    confidence = np.take_along_axis(p, decided[:, np.newaxis], axis=1)[:, 0]
    # side="left" closes a bin on the right, as in Guo et al.; a confidence of 0 joins the first bin.
    bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence, side="left")
    member = np.eye(BINS)[bins]
    right = member * (decided == labels)[:, np.newaxis]
    return weights @ member, weights @ right, weights @ (member * confidence[:, np.newaxis])


def _calibration_errors(
    p: NDArray[np.float64],
    labels: NDArray[np.int64],
    decided: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """ECE and MCE, each ``[R]``."""
    counts, right, claimed = _bin_sums(p, labels, decided, weights)
    ece = _ratio(np.abs(right - claimed).sum(axis=1), weights.sum(axis=1))
    gaps = np.nan_to_num(np.abs(_ratio(right - claimed, counts)), nan=0.0)
    return ece, gaps.max(axis=1)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quotient, NaN where the denominator is 0: undefined is not zero."""
    quotient = np.full(np.broadcast_shapes(above.shape, below.shape), np.nan)
    np.divide(above, below, out=quotient, where=below > 0)
    return quotient


def _checked(
    probabilities: ArrayLike, targets: ArrayLike, positive: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    p, labels = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if p.ndim != 2 or p.shape[1] < 2:
        raise ValueError(f"expected probabilities [N, C] with C of 2 or more, got {list(p.shape)}")
    if not 0 <= positive < p.shape[1]:
        raise ValueError(f"positive class {positive} is not one of the {p.shape[1]} classes")
    if len(p) == 0:
        raise DataError("There are no scans to measure.", hint="Name a split or a folder that has labelled scans.")
    if labels.shape != (len(p),) or labels.dtype.kind not in "iu":
        raise ValueError(f"expected {len(p)} integer targets, got {list(labels.shape)} {labels.dtype}")
    if labels.min() < 0 or labels.max() >= p.shape[1]:
        raise ValueError(f"targets span {labels.min()} to {labels.max()}, expected 0 to {p.shape[1] - 1}")
    # 1e-3 leaves room for softmax in FP16; NaN fails both comparisons.
    if not (np.all((p >= 0) & (p <= 1 + 1e-6)) and np.all(np.abs(p.sum(axis=1) - 1) <= 1e-3)):
        raise ValueError("a row of probabilities is not a distribution (negative, above 1, NaN or sum not 1)")
    return p, labels.astype(np.int64)
