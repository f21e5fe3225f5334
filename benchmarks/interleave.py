"""Time several ways of doing one thing in turn, block by block, because a machine's speed drifts.

A block is one call that does not count, for the threads of the way before have just had the caches, then a few that do.
What is compared is blocks of one round, which lie close together in time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

Key = TypeVar("Key")
Blocks = list[list[float]]
"""Milliseconds of each counted call of one way, ``[rounds][calls]``."""


class Stop(NamedTuple):
    """When it is enough: both must be reached.

    Attributes
    ----------
    rounds
        Blocks of each way.
    seconds
        Of the whole measurement.
    calls
        Counted ones in a block.
    """

    rounds: int
    seconds: float
    calls: int = 3


class Spread(NamedTuple):
    """Of block medians, or of ratios between them."""

    median: float
    least: float
    q25: float
    q75: float
    most: float


def interleave(
    ways: Mapping[Key, Callable[[], object]],
    stop: Stop,
    *,
    clock: Callable[[], float] = time.perf_counter,
    progress: Callable[[int], None] = lambda _rounds: None,
) -> dict[Key, Blocks]:
    """Call all ways in turn, every second round in reverse, until it is enough.

    Parameters
    ----------
    clock
        Seconds.
    progress
        Is told how many rounds are done.
    """
    taken: dict[Key, Blocks] = {name: [] for name in ways}
    names = list(ways)
    begin = clock()
    done = 0
    while done < stop.rounds or clock() - begin < stop.seconds:
        # There and back, so that no way always follows the same other one.
        for name in reversed(names) if done % 2 else names:
            taken[name].append(_block(ways[name], stop.calls, clock))
        done += 1
        progress(done)
    return taken


def _block(way: Callable[[], object], calls: int, clock: Callable[[], float]) -> list[float]:
    way()
    taken = []
    for _ in range(calls):
        begin = clock()
        way()
        taken.append((clock() - begin) * 1e3)
    return taken


def each_scan(
    ways: Mapping[Key, Callable[[NDArray[np.uint8]], object]], scans: NDArray[np.uint8], rounds: int = 1
) -> dict[Key, Blocks]:
    """Time real scans: every way answers a scan before the next scan comes.

    Parameters
    ----------
    scans
        ``[N, 1, size, size] uint8``. The first is answered once more beforehand, without being timed.

    Returns
    -------
    Milliseconds of each scan by way, ``[rounds][N]``.
    """
    for answer in ways.values():
        answer(scans[:1])
    taken: dict[Key, Blocks] = {name: [[] for _ in range(rounds)] for name in ways}
    for done in range(rounds):
        for n in range(len(scans)):
            for name, answer in ways.items():
                begin = time.perf_counter()
                answer(scans[n : n + 1])
                taken[name][done].append((time.perf_counter() - begin) * 1e3)
    return taken


def medians(blocks: Blocks) -> NDArray[np.float64]:
    """Median of each block, ``[rounds] float64``, milliseconds."""
    return np.array([np.median(block) for block in blocks])


def ratios(blocks: Blocks, over: Blocks) -> NDArray[np.float64]:
    """How many times as long one way took as another, ``[rounds]``, each round by itself."""
    quotients: NDArray[np.float64] = medians(blocks) / medians(over)
    return quotients


def spread(values: Sequence[float] | NDArray[np.float64]) -> Spread:
    """Sum up at least one value."""
    return Spread(*(float(np.quantile(values, share)) for share in (0.5, 0, 0.25, 0.75, 1)))
