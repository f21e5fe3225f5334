"""Interleave measurements, because a machine's speed drifts: every variant once a round, forth and back.

Only measurements of one round, which lie close together in time, should be compared. A block is one call that does not
count, because the variant before has just used the caches, followed by a few calls that do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

Key = TypeVar("Key")
Item = TypeVar("Item")
Blocks = list[list[float]]
"""Milliseconds of each counted call of one variant, ``[rounds][calls]``."""


class Stop(NamedTuple):
    """When to stop: after both the rounds and the seconds.

    Attributes
    ----------
    rounds
        Blocks of each variant.
    seconds
        Duration of the whole measurement.
    calls
        Counted calls in a block.
    """

    rounds: int
    seconds: float
    calls: int = 3


class Spread(NamedTuple):
    """Quantiles of block medians, or of ratios between them."""

    median: float
    least: float
    q25: float
    q75: float
    most: float


def in_round(items: Sequence[Item], number: int) -> Sequence[Item]:
    """Return the order of a round, numbered from 0: every second round runs backwards.

    What drifts evenly over a round then affects all items alike, and no item always follows the same other one.
    """
    return items[::-1] if number % 2 else items


def interleave(
    variants: Mapping[Key, Callable[[], object]],
    stop: Stop,
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], None] = lambda _rounds: None,
) -> dict[Key, Blocks]:
    """Time all variants in rounds.

    Parameters
    ----------
    variants
        What to call for each name.
    stop
        When to stop.
    clock
        Returns seconds.
    progress
        Called with the number of finished rounds.

    Returns
    -------
    The blocks of each variant.
    """
    taken: dict[Key, Blocks] = {name: [] for name in variants}
    names = list(variants)
    begin = clock()
    done = 0
    while done < stop.rounds or clock() - begin < stop.seconds:
        for name in in_round(names, done):
            taken[name].append(_block(variants[name], stop.calls, clock))
        done += 1
        progress(done)
    return taken


def _block(call: Callable[[], object], calls: int, clock: Callable[[], float]) -> list[float]:
    call()
    taken = []
    for _ in range(calls):
        begin = clock()
        call()
        taken.append((clock() - begin) * 1e3)
    return taken


def each_scan(
    variants: Mapping[Key, Callable[[NDArray[np.uint8]], object]], scans: NDArray[np.uint8], rounds: int = 1
) -> dict[Key, Blocks]:
    """Time real scans: every variant answers a scan before the next scan comes.

    Parameters
    ----------
    scans
        ``[N, 1, size, size] uint8``. The first is answered once more beforehand, without being timed.

    Returns
    -------
    Milliseconds of each scan by variant, ``[rounds][N]``.
    """
    for answer in variants.values():
        answer(scans[:1])
    taken: dict[Key, Blocks] = {name: [[] for _ in range(rounds)] for name in variants}
    for done in range(rounds):
        for n in range(len(scans)):
            for name, answer in variants.items():
                begin = time.perf_counter()
                answer(scans[n : n + 1])
                taken[name][done].append((time.perf_counter() - begin) * 1e3)
    return taken


def medians(blocks: Blocks) -> NDArray[np.float64]:
    """Return the median of each block, ``[rounds] float64``, milliseconds."""
    return np.array([np.median(block) for block in blocks])


def ratios(blocks: Blocks, over: Blocks) -> NDArray[np.float64]:
    """Return the ratio of two variants' medians, ``[rounds] float64``, each round by itself."""
    quotients: NDArray[np.float64] = medians(blocks) / medians(over)
    return quotients


def spread(values: Sequence[float] | NDArray[np.float64]) -> Spread:
    """Return the quantiles of at least one value."""
    return Spread(*(float(np.quantile(values, share)) for share in (0.5, 0, 0.25, 0.75, 1)))
