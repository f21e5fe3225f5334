"""The operating point: from which probability of the positive class on the answer is positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


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
