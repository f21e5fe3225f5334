"""In which order members answer when they may stop early."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.voting.early_exit import MARGIN
from edge_run.voting.vote import vote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import ArrayLike, NDArray

Stages = tuple[tuple[int, ...], ...]
WORKERS = 2
"""Cores of the device that the order is made for."""


class Point(NamedTuple):
    """Where an answer is settled.

    Attributes
    ----------
    positive, threshold
        The operating point, see :func:`edge_run.voting.vote.decide`.
    low_confidence
        The confidence below which an answer is flagged.
    """

    positive: int
    threshold: float | None
    low_confidence: float


def fit_stages(
    member_ids: Sequence[str], weights: Sequence[float], macs: Sequence[int], probabilities: ArrayLike, point: Point
) -> tuple[tuple[str, ...], ...]:
    """Choose the stages whose mean work on the validation scans is least.

    All orders are tried. Work is multiply-adds on the busiest of two cores. The first stage has two members where there
    are more than one, because one alone has nobody to disagree with.

    Parameters
    ----------
    archs, weights, macs
        Of each member.
    probabilities
        Calibrated, ``[M, N, classes]``, on the validation scans.

    Returns
    -------
    Networks by stage.
    """
    members = range(len(member_ids))
    best = min(
        partitions(tuple(members), first=min(2, len(member_ids))),
        key=lambda stages: expected_work(stages, weights, macs, probabilities, point),
    )
    return tuple(tuple(member_ids[m] for m in stage) for stage in best)


def expected_work(
    stages: Stages, weights: Sequence[float], macs: Sequence[int], probabilities: ArrayLike, point: Point
) -> float:
    """Mean multiply-adds of the busiest core until a scan is settled."""
    p = np.asarray(probabilities, np.float64)
    open_ = np.ones(p.shape[1], bool)
    work, answered = 0.0, list[int]()
    for stage in stages:
        work += float(open_.mean()) * makespan([macs[m] for m in stage])
        answered += stage
        open_ &= ~settled(p, weights, answered, point)
    return work


def settled(
    p: NDArray[np.float64], weights: Sequence[float], answered: Sequence[int], point: Point
) -> NDArray[np.bool_]:
    """Which scans no missing member can change: `edge_run.voting.early_exit` for all scans at once, ``[N] bool``."""
    share = np.asarray(weights, np.float64) / sum(weights)
    low = np.tensordot(share[list(answered)], p[list(answered)], axes=1)
    if len(answered) == len(share):
        return np.ones(len(low), bool)
    high = low + (1.0 - share[list(answered)].sum())
    if point.threshold is not None and low.shape[1] == 2:
        sure = (low[:, point.positive] >= point.threshold + MARGIN) | (
            high[:, point.positive] <= point.threshold - MARGIN
        )
    else:
        leader = low.argmax(axis=1)[:, None]
        rivals = np.where(np.arange(low.shape[1]) == leader, -np.inf, high).max(axis=1)
        sure = np.take_along_axis(low, leader, axis=1)[:, 0] >= rivals + MARGIN
    confident = (low >= point.low_confidence + MARGIN).any(axis=1)
    doubtful = (high <= point.low_confidence - MARGIN).all(axis=1)
    return np.asarray(sure & (confident | doubtful), dtype=np.bool_)


def makespan(work: Sequence[int], workers: int = WORKERS) -> int:
    """Work of the busiest of some cores when members are handed out heaviest first."""
    loads = [0] * workers
    for one in sorted(work, reverse=True):
        loads[loads.index(min(loads))] += one
    return max(loads)


def partitions(members: tuple[int, ...], *, first: int = 1) -> Iterator[Stages]:
    """All ways to put members into stages, with at least ``first`` in the first one."""
    if not members:
        yield ()
        return
    for size in range(first, len(members) + 1):
        for stage in combinations(members, size):
            rest = tuple(m for m in members if m not in stage)
            for later in partitions(rest):
                yield (stage, *later)


def low_confidence(probabilities: ArrayLike, weights: Sequence[float], share: float) -> float:
    """The confidence below which this share of the scans lies."""
    return float(np.quantile(vote(probabilities, weights).max(axis=1), share))
