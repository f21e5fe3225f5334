"""Voting weights that a few hundred scans can bear: the most even ones that are as good as the best.

Weights that minimise the negative log-likelihood (NLL) on the validation scans follow their noise, too. So evenness,
the entropy of the weights, is traded against NLL, and how much of it is chosen by cross-fitting over groups (patients):
in each fold temperatures and weights are fitted on the other groups and judged on the fold's own scans. Of all degrees,
the most even one is taken whose NLL is within one standard error of the lowest (Breiman, Friedman, Olshen and Stone
1984, "Classification and Regression Trees", section 3.4.3: the 1 SE rule). The standard error is that of the
difference, over groups, because scans of one patient are no independent evidence.

Where several sets are joined, each weighs the same, however many scans it has: no set pays for another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.voting.vote import softmax

from .temperature import fit_temperature
from .weights import EQUAL, even_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

FOLDS = 10
DEGREES = (EQUAL, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.0)
"""Degrees of evenness that are compared: nats of NLL that a nat of entropy may cost; 0 is maximum likelihood."""


class Estimate(NamedTuple):
    """A mean over scans, and its standard error over groups; the error is NaN where there is one group."""

    mean: float
    error: float


class CrossFit(NamedTuple):
    """What members and weights do on scans that did not fit them.

    Attributes
    ----------
    probabilities
        ``[M, N, classes]``, each scan's at temperatures that other groups fitted.
    fitted
        By degree of evenness ``[M, N]``: the weights that other groups fitted.
    chance
        ``[N]``: NLL of answering with the class frequencies of other groups, nats.
    scan_weights
        ``[N]``, sums to 1: each set has the same share.
    targets, groups, fold
        ``[N]`` each.
    """

    probabilities: NDArray[np.float64]
    fitted: dict[float, NDArray[np.float64]]
    chance: NDArray[np.float64]
    scan_weights: NDArray[np.float64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]
    fold: NDArray[np.int64]

    def losses(self, evenness: float, *, without: int | None = None) -> NDArray[np.float64]:
        """Return the vote's NLL of each scan, ``[N]`` nats, at a degree of evenness.

        Parameters
        ----------
        without
            A member that is left out; the others keep their proportions.
        """
        weights = self.fitted[evenness].copy()
        if without is not None:
            weights[without] = 0
            # A member that had the whole vote leaves equal ones behind.
            weights += (weights.sum(axis=0) == 0) / len(weights)
        voted = (weights * self._of_truth()).sum(axis=0) / weights.sum(axis=0)
        return np.asarray(-np.log(np.clip(voted, 1e-12, None)), np.float64)

    def voted(self, evenness: float) -> NDArray[np.float64]:
        """Return the vote at a degree of evenness, ``[N, classes]``."""
        weights = self.fitted[evenness]
        return np.asarray(
            (weights[..., np.newaxis] * self.probabilities).sum(axis=0) / weights.sum(axis=0)[:, np.newaxis]
        )

    def member_losses(self) -> NDArray[np.float64]:
        """Return each member's NLL of each scan, ``[M, N]`` nats."""
        return -np.log(np.clip(self._of_truth(), 1e-12, None))

    def estimate(self, values: NDArray[np.float64]) -> Estimate:
        """Return the weighted mean of ``[N]`` values and its standard error over groups."""
        mean = float(self.scan_weights @ values)
        of_group = np.bincount(self.groups, self.scan_weights * (values - mean))
        count = len(of_group)
        error = float(np.sqrt(np.square(of_group).sum() * count / (count - 1))) if count > 1 else float("nan")
        return Estimate(mean, error)

    def _of_truth(self) -> NDArray[np.float64]:
        return self.probabilities[:, np.arange(len(self.targets)), self.targets]


def cross_fit(logits: ArrayLike, targets: NDArray[np.int64], groups: Sequence[str], sets: Sequence[str]) -> CrossFit:
    """Fit temperatures and weights ten times, each time without a tenth of the groups.

    Parameters
    ----------
    logits
        ``[M, N, classes]`` on validation scans.
    targets
        ``[N]``.
    groups, sets
        Patient and data set of each scan, ``[N]``.
    """
    values = np.asarray(logits, np.float64)
    members, _, classes = values.shape
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    scan_weights = equal_sets(sets)
    fold = _folds(int(group.max()) + 1)[group]
    probabilities = np.full_like(values, 1 / classes)
    fitted = {degree: np.full(values.shape[:2], 1 / members) for degree in DEGREES}
    chance = np.full(len(targets), np.log(classes))
    for k in range(int(fold.max()) + 1):
        rest, judged = fold != k, fold == k
        if not rest.any():
            continue
        temperatures = [fit_temperature(member[rest], targets[rest]) for member in values]
        pairs = list(zip(values, temperatures, strict=True))
        probabilities[:, judged] = [softmax(member[judged], t) for member, t in pairs]
        own = np.stack([softmax(member[rest], t) for member, t in pairs])
        for degree, weights in fitted.items():
            weights[:, judged] = np.array(even_weights(own, targets[rest], scan_weights[rest], degree))[:, None]
        counts = np.bincount(targets[rest], scan_weights[rest] * len(targets), minlength=classes) + 1
        chance[judged] = -np.log(counts / counts.sum())[targets[judged]]
    return CrossFit(probabilities, fitted, chance, scan_weights, targets, group, fold)


def choose_evenness(fit: CrossFit) -> float:
    """Return the highest degree of evenness whose NLL is within one standard error of the lowest."""
    losses = [fit.losses(degree) for degree in DEGREES]
    best = losses[int(np.argmin([fit.estimate(each).mean for each in losses]))]
    differences = [fit.estimate(each - best) for each in losses]
    # With one group there is no standard error, and equal weights are the answer.
    return next(degree for degree, d in zip(DEGREES, differences, strict=True) if not d.mean > d.error)


def equal_sets(sets: Sequence[str]) -> NDArray[np.float64]:
    """Return one weight per scan, ``[N]`` summing to 1, so that all sets have the same share."""
    names, place, counts = np.unique(np.asarray(sets), return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(names) * counts[place]), dtype=np.float64)


def _folds(groups: int) -> NDArray[np.int64]:
    """Deal groups out to folds of nearly equal size, always the same way."""
    return np.random.default_rng(0).permutation(groups) % min(FOLDS, groups)
