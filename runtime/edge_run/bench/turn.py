"""One turn of one variant, in a fresh process: a job comes in at stdin, what was measured goes out at stdout."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from edge_run.errors import EdgeRunError

from .conditions import peak_memory
from .energy import metered, meters
from .record import Block, Variant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .subjects import Call

WARM_UP = 2
"""Answers after the first that are not counted: allocators and caches settle in them."""


class Job(msgspec.Struct, frozen=True):
    """What a turn is to do.

    Attributes
    ----------
    threads
        Cores to give to the networks.
    scans
        Files, answered in this order and over again.
    seconds, count
        Least that the block takes and holds.
    """

    bundle: str
    variant: Variant
    threads: int
    scans: tuple[str, ...]
    seconds: float
    count: int


class Outcome(msgspec.Struct, frozen=True):
    """What became of a turn: a block, or why there is none."""

    block: Block | None
    error: str = ""


def turn(job: Job, clock: Callable[[], float] = time.perf_counter) -> Block:
    """Load, answer once, warm up, answer a block."""
    from .subjects import inputs, opened

    scans = inputs(job)
    begin = clock()
    with opened(job) as call:
        load = clock() - begin
        begin = clock()
        call(scans[0])
        first = clock() - begin
        for n in range(WARM_UP):
            call(scans[(n + 1) % len(scans)])
        found = meters()
        with metered(found) as spent:
            warm, asked = timed(call, scans, job.seconds, job.count, clock)
    return Block(
        load_ms=load * 1e3,
        first_ms=first * 1e3,
        warm_ms=tuple(round(s * 1e3, 6) for s in warm),
        seconds=sum(warm),
        asked=asked / len(warm),
        peak_bytes=peak_memory(),
        energy_j=dict(spent),
    )


def timed(
    call: Call, scans: Sequence[object], seconds: float, count: int, clock: Callable[[], float]
) -> tuple[list[float], int]:
    """Answer scans one after another until both the time and the count are reached.

    Returns
    -------
    Seconds of each answer, and how many members answered in all.
    """
    taken: list[float] = []
    asked, spent = 0, 0.0
    while spent < seconds or len(taken) < count:
        scan = scans[len(taken) % len(scans)]
        begin = clock()
        members = call(scan)
        taken.append(clock() - begin)
        spent += taken[-1]
        asked += members
    return taken, asked


def main() -> None:
    """Do one job."""
    # What a backend prints must not end up in the answer.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        outcome = Outcome(turn(job))
    except EdgeRunError as error:
        outcome = Outcome(None, f"{error.message}; {error.hint}" if error.hint else error.message)
    out.write(msgspec.json.encode(outcome))
    out.flush()
    # Some backends end the process badly when it gives their memory back; what was measured is safe by then.
    os._exit(0)
