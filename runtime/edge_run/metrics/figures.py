"""How well a classifier answers, and how far its probabilities can be believed.

Every figure is a function of probabilities, true labels and one weight per scan. :func:`measure` weighs each
scan once, :mod:`edge_run.metrics.bootstrap` as often as it was drawn: one definition of each figure, not two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run.voting.vote import decide

from .arrays import checked_probabilities, ratio
from .calibration_error import calibration_errors
from .ranking import auroc, selective_risk

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

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
    p, labels = checked_probabilities(probabilities, targets, positive)
    decided = decide(p, positive=positive, threshold=threshold)
    classes = np.eye(p.shape[1])
    truth, answer = classes[labels], classes[decided]
    support, hits = weights @ truth, weights @ (truth * answer)
    recall = ratio(hits, support)
    f1 = ratio(2 * hits, support + weights @ answer)
    negative, cleared = 1 - truth[:, positive], (1 - truth[:, positive]) * (1 - answer[:, positive])
    rank = np.stack([auroc(p[:, c], labels == c, weights) for c in range(p.shape[1])], axis=1)
    two = p.shape[1] == 2
    ece, mce = calibration_errors(p, labels, decided, weights)
    scans = weights.sum(axis=1)
    kept, risk = selective_risk(p.max(axis=1), decided != labels, weights)
    return {
        "accuracy": ratio(hits.sum(axis=1), scans),
        "balanced_accuracy": recall.mean(axis=1),
        "sensitivity": recall[:, positive],
        "specificity": ratio(weights @ cleared, weights @ negative),
        "f1": f1[:, positive] if two else f1.mean(axis=1),
        "auroc": rank[:, positive] if two else rank.mean(axis=1),
        "ece": ece,
        "mce": mce,
        "brier": ratio(weights @ np.square(p - truth).sum(axis=1), scans),
        "nll": ratio(weights @ -np.log(np.clip((p * truth).sum(axis=1), _SMALLEST_PROBABILITY, 1)), scans),
        "aurc": ratio((kept * np.nan_to_num(risk)).sum(axis=1), scans),
    }
