"""Nodes that fail, hour by hour: when an archive is done, and how much is answered twice on the way."""

from __future__ import annotations

import heapq
import random
from collections import deque
from typing import NamedTuple

_NONE = -1


class Fleet(NamedTuple):
    """Machines, and how they fail.

    Attributes
    ----------
    rate
        Scans in a second of one node.
    spread
        Standard deviation of the nodes' speeds, as a share of it.
    mtbf_h
        Mean hours between two failures of one node; failures have no memory.
    repair_s
        Seconds until the scheduler has another node in its place.
    """

    nodes: int
    rate: float
    spread: float
    mtbf_h: float
    repair_s: float


class Division(NamedTuple):
    """How an archive is divided.

    Attributes
    ----------
    pieces
        Shards, or blocks of Ray.
    start_s
        Seconds before a node answers the first scan of a piece.
    lost
        Scans of a piece that a failure loses; None: all that the node answered of the piece.
    """

    name: str
    pieces: int
    start_s: float
    lost: float | None


class Outcome(NamedTuple):
    """Hours until the last answer, hours without any failure or overhead, scans that were answered again, failures."""

    hours: float
    ideal_hours: float
    again: int
    failures: int


def simulate(fleet: Fleet, division: Division, scans: float, seed: int = 0) -> Outcome:
    """Let nodes take pieces from a queue until nothing is left.

    A node that fails leaves what its piece still lacks at the end of the queue, as a batch system does that submits the
    task again; another node takes its place after the repair.
    """
    chance = random.Random(seed)
    rates = [fleet.rate * max(0.1, chance.gauss(1, fleet.spread)) for _ in range(fleet.nodes)]
    fails_at = [chance.expovariate(1 / (fleet.mtbf_h * 3600)) for _ in range(fleet.nodes)]
    queue = deque([scans / division.pieces] * division.pieces)
    # A node that is free, or the rest of a piece whose node (_NONE) failed.
    events = [(0.0, node, 0.0) for node in range(fleet.nodes)]
    idle: list[int] = []
    end, again, failures = 0.0, 0.0, 0
    while events:
        now, node, rest = heapq.heappop(events)
        if node == _NONE:
            queue.append(rest)
            if not idle:
                continue
            node = idle.pop()
        if not queue:
            idle.append(node)
            continue
        piece = queue.popleft()
        begin = now + division.start_s
        finished = begin + piece / rates[node]
        if finished <= fails_at[node]:
            end = max(end, finished)
            heapq.heappush(events, (finished, node, 0.0))
            continue
        failed = max(now, fails_at[node])
        answered = max(0.0, failed - begin) * rates[node]
        lost = answered if division.lost is None else min(answered, division.lost)
        again, failures = again + lost, failures + 1
        back = failed + fleet.repair_s
        fails_at[node] = back + chance.expovariate(1 / (fleet.mtbf_h * 3600))
        heapq.heappush(events, (failed, _NONE, piece - answered + lost))
        heapq.heappush(events, (back, node, 0.0))
    return Outcome(end / 3600, scans / (fleet.nodes * fleet.rate) / 3600, round(again), failures)
