"""From which values on an answer is flagged, so that the target holds on the validation scans.

Each fitted flag ranks the validation scans by its own measure. One number, the *level*, then sets all thresholds: at
level k each flag marks the k scans that are worst by its measure. Raising the level only ever adds scans, so that the
thresholds are a nested family with one index.

Two targets. ``rate=0.1``: the highest level at which all fitted flags together mark at most a tenth of the scans.
``error=0.02``: the lowest level at which the error among the unflagged is certified to stay below 2 %, by fixed
sequence testing (Angelopoulos, Bates, Candes, Jordan and Lei 2021, "Learn then Test", section 3; Bauer 1991): levels
are tried from the most cautious to the most generous, each against the exact upper bound of Clopper and Pearson (1934),
and the walk ends at the first that fails. Because the order is fixed before any error is looked at, no correction for
the many levels is needed. The walk begins at the most cautious level that leaves half of the patients unflagged, and
enough of them to prove the target if all were answered right; both are decided without a look at the labels.

Scans of one patient are not independent evidence. The bound counts patients: of those with an unflagged scan, those
with a wrong answer among them. It holds for the chance that a new patient gets a wrong unflagged answer, under the
assumption that patients to come are like those of validation; as temperatures, voting weights and the operating point
were fitted on the same scans, it is somewhat too good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.errors import UsageError
from edge_run.metrics.clopper_pearson import upper_bound, upper_bounds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RATE, ERROR = "rate", "error"


class Target(NamedTuple):
    """What the thresholds are to promise: ``rate`` or ``error``, and the largest accepted share."""

    kind: str = RATE
    share: float = 0.1

    def __str__(self) -> str:
        """As the manifest has it: ``rate=0.1``."""
        return f"{self.kind}={self.share:g}"


class Fitted(NamedTuple):
    """Thresholds and what they do on the validation scans.

    Attributes
    ----------
    thresholds
        By measure, on the measure's own scale.
    flagged
        ``[N] bool``.
    error
        Share of the unflagged scans with a wrong answer; NaN where all are flagged.
    bound
        See :func:`bound_of`.
    """

    thresholds: dict[str, float]
    flagged: NDArray[np.bool_]
    error: float
    bound: float


def fit_thresholds(
    doubts: dict[str, NDArray[np.float64]], wrong: NDArray[np.bool_], groups: Sequence[str], target: Target
) -> Fitted:
    """Choose the level that the target asks for.

    Parameters
    ----------
    doubts
        By measure ``[N]``: the higher, the more doubtful.
    wrong
        ``[N]``: whether the vote's answer is.
    groups
        ``[N]``: patients.

    Raises
    ------
    UsageError
        The error cannot be promised; the message says which could.
    """
    ranks = {name: _ranks(values) for name, values in doubts.items()}
    depth = np.stack(list(ranks.values())).min(axis=0)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    if target.kind == RATE:
        level = max(k for k in range(len(depth)) if k == 0 or float((depth <= k).mean()) <= target.share)
    else:
        bounds = _bounds(depth, wrong, group)
        found = _walk(bounds, target.share)
        if found is None:
            raise _out_of_reach(bounds, len(np.unique(group)), target.share)
        level = found
    kept = depth > level
    return Fitted(
        {name: _cut(values, ranks[name] <= level) for name, values in doubts.items()},
        ~kept,
        float(wrong[kept].mean()) if kept.any() else float("nan"),
        bound_of(kept, wrong, group),
    )


def check_reachable(target: Target, groups: Sequence[str]) -> None:
    """Refuse, before hours of compiling, an error that so few patients cannot prove, even if all answers were right.

    Raises
    ------
    UsageError
        The error is out of reach.
    """
    patients = len(set(groups))
    least = upper_bound(0, patients)
    if target.kind == ERROR and least > target.share:
        raise UsageError(
            f"an error of at most {target.share:.1%} among the unflagged cannot be promised from {patients} "
            f"patients, even if no answer were wrong (least that they can prove: {least:.1%})",
            hint=f"--flag-error {least + 0.005:.2f} or more, more scans, or --flag-rate 0.1",
        )


def bound_of(kept: NDArray[np.bool_], wrong: NDArray[np.bool_], group: NDArray[np.int64]) -> float:
    """Upper 95 % confidence bound on the share of patients with a wrong answer among those of their scans kept."""
    return upper_bound(len(np.unique(group[kept & wrong])), len(np.unique(group[kept])))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """From which level on each scan is marked: how many are at least as doubtful. Equals are marked together."""
    return np.asarray(len(values) - np.searchsorted(np.sort(values), values, side="left"), dtype=np.int64)


def _cut(values: NDArray[np.float64], marked: NDArray[np.bool_]) -> float:
    """Between the marked and the others; above all where none is marked."""
    if not marked.any():
        return float(np.nextafter(values.max(), np.inf))
    mildest = float(values[marked].min())
    return (mildest + float(values[~marked].max())) / 2 if not marked.all() else mildest


class _Bounds(NamedTuple):
    """By level ``[N]``: the bound, what it would be if no answer were wrong, and whether half the patients are left."""

    bound: NDArray[np.float64]
    least: NDArray[np.float64]
    half: NDArray[np.bool_]


def _bounds(depth: NDArray[np.int64], wrong: NDArray[np.bool_], group: NDArray[np.int64]) -> _Bounds:
    """The bounds of all levels; see `bound_of`."""
    # A patient is left while its scan of the highest depth is, and wrong while its wrong scan of the highest depth is.
    last, last_wrong = np.zeros((2, group.max() + 1), np.int64)
    np.maximum.at(last, group, depth)
    np.maximum.at(last_wrong, group[wrong], depth[wrong])
    levels = np.arange(len(depth))
    left, missed = (len(of) - np.searchsorted(np.sort(of), levels, side="right") for of in (last, last_wrong))
    return _Bounds(upper_bounds(missed, left), upper_bounds(np.zeros_like(left), left), 2 * left >= len(last))


def _walk(bounds: _Bounds, share: float) -> int | None:
    """The most generous level that fixed sequence testing certifies; None where the first fails."""
    certified = None
    for level in np.flatnonzero(bounds.half & (bounds.least <= share))[::-1]:
        if bounds.bound[level] > share:
            break
        certified = int(level)
    return certified


def _out_of_reach(bounds: _Bounds, patients: int, share: float) -> UsageError:
    wider = (k / 200 for k in range(1, 200) if k / 200 > share)
    best = next((each for each in wider if _walk(bounds, each) is not None), None)
    return UsageError(
        f"an error of at most {share:.1%} among the unflagged cannot be promised from {patients} patients "
        + (f"(best reachable: {best:.1%})" if best else "(nor can any other)"),
        hint=f"--flag-error {best:g}, more scans, or --flag-rate 0.1" if best else "--flag-rate 0.1",
    )
