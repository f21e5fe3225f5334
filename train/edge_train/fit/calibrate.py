"""What is fitted after the networks, on the validation split: temperatures, voting weights, thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

from edge_run.voting.vote import softmax

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

LOWEST, HIGHEST = 0.05, 20.0


def nll(probabilities: ArrayLike, targets: NDArray[np.int64]) -> float:
    """Mean negative log-likelihood, nats; probabilities ``[N, classes]`` are clipped at 1e-12."""
    p = np.asarray(probabilities, np.float64)[np.arange(len(targets)), targets]
    return float(-np.log(np.clip(p, 1e-12, None)).mean())


def fit_temperature(logits: ArrayLike, targets: NDArray[np.int64]) -> float:
    """Temperature that minimises the NLL of ``softmax(logits / T)`` (Guo et al. 2017).

    Parameters
    ----------
    logits
        ``[N, classes]``.
    targets
        ``[N] int64``.

    Returns
    -------
    Between 0.05 and 20. The NLL is convex in ``1 / T``, so its one minimum is found.
    """
    values = np.asarray(logits, np.float64)
    found = minimize_scalar(
        lambda log_t: nll(softmax(values, float(np.exp(log_t))), targets),
        bounds=(np.log(LOWEST), np.log(HIGHEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(found.x))


def fit_weights(
    members: ArrayLike,
    targets: NDArray[np.int64],
    *,
    shrink: float = 0.01,
    scan_weights: NDArray[np.float64] | None = None,
) -> list[float]:
    """Voting weights that minimise the NLL of the weighted vote, drawn toward equal.

    Expectation-maximisation for the weights of a mixture whose components are given: the likelihood is concave in
    the weights, every step raises it, and the weights stay on the simplex by themselves. The shrinkage is a symmetric
    Dirichlet prior worth ``shrink * N`` scans.

    Parameters
    ----------
    members
        ``[M, N, classes]`` probabilities.
    targets
        ``[N] int64``.
    shrink
        0 is maximum likelihood; large values give equal weights.
    scan_weights
        ``[N]``, how much each scan counts; all the same where not given.

    Returns
    -------
    ``[M]`` weights, above 0 when ``shrink`` is, summing to 1.
    """
    p = np.clip(np.asarray(members, np.float64)[:, np.arange(len(targets)), targets], 1e-12, None)
    prior = shrink * len(targets) / len(p)
    count = np.ones(len(targets)) if scan_weights is None else scan_weights * (len(targets) / scan_weights.sum())
    weights = np.full(len(p), 1 / len(p))
    for _ in range(2000):
        responsibility = weights[:, None] * p
        counts = (responsibility / responsibility.sum(axis=0)) @ count + prior
        updated = counts / counts.sum()
        if np.abs(updated - weights).max() < 1e-9:
            break
        weights = updated
    return [float(w) for w in weights]


def fit_threshold(probabilities: ArrayLike, targets: NDArray[np.int64], positive: int, rule: str) -> float:
    """Operating point: the threshold on the positive class's probability.

    Parameters
    ----------
    rule
        ``0.5`` or any other number between 0 and 1: that threshold. ``youden``: where sensitivity + specificity is
        largest. ``sensitivity=0.95``: the highest threshold that keeps that sensitivity.

    Raises
    ------
    ValueError
        The rule is none of these.
    """
    name, value = read_rule(rule)
    p = np.asarray(probabilities, np.float64)[:, positive]
    of_positive, of_negative = np.sort(p[targets == positive]), np.sort(p[targets != positive])
    if name == "youden":
        cuts = np.unique(p)
        sensitivity = 1 - np.searchsorted(of_positive, cuts) / len(of_positive)
        specificity = np.searchsorted(of_negative, cuts) / len(of_negative)
        return float(cuts[(sensitivity + specificity).argmax()])
    if name == "fixed":
        return value
    missed = int(np.floor((1 - value) * len(of_positive) + 1e-9))
    return float(of_positive[missed])


def read_rule(rule: str) -> tuple[str, float]:
    """Read an operating point: ``fixed``, ``youden`` or ``sensitivity``, and its number.

    Raises
    ------
    ValueError
        It is none of these.
    """
    if rule == "youden":
        return rule, float("nan")
    name, _, number = rule.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if name not in ("", "sensitivity") or not 0 < value < 1:
        raise ValueError(f"operating point {rule!r} is not a number in (0, 1), 'youden' or 'sensitivity=S'")
    return name or "fixed", value
