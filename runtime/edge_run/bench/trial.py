"""One trial of one variant, in a fresh process: stdin brings the job, stdout takes the measurements."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from edge_run.errors import EdgeRunError

from .conditions import peak_memory
from .energy import metered, meters
from .job import Job, Outcome
from .record import Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .workloads import Call

WARM_UP = 2
"""Answers after the first that are not counted, while allocators and caches settle."""


def measure_trial(job: Job, clock: Callable[[], float] = time.perf_counter) -> Trial:
    """Load, answer once, warm up, and time answers.

    Raises
    ------
    BundleError, BackendError
        The networks cannot be loaded.
    InputError
        A scan cannot be read.
    """
    from .workloads import inputs, opened

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
            warm, members = timed(call, scans, job.seconds, job.count, clock)
    return Trial(
        load_ms=load * 1e3,
        first_ms=first * 1e3,
        warm_ms=tuple(round(s * 1e3, 6) for s in warm),
        seconds=sum(warm),
        members_run=members / len(warm),
        peak_bytes=peak_memory(),
        energy_j=dict(spent),
    )


def timed(
    call: Call, scans: Sequence[object], seconds: float, count: int, clock: Callable[[], float]
) -> tuple[list[float], int]:
    """Answer scans one after another until both the seconds and the count are reached.

    Returns
    -------
    Seconds of each answer, and how many members answered in all.
    """
    taken: list[float] = []
    answered, spent = 0, 0.0
    while spent < seconds or len(taken) < count:
        scan = scans[len(taken) % len(scans)]
        begin = clock()
        members = call(scan)
        taken.append(clock() - begin)
        spent += taken[-1]
        answered += members
    return taken, answered


def main() -> None:
    """Run the job from standard input."""
    # What a backend prints must not get into the outcome.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    job = msgspec.json.decode(sys.stdin.buffer.read(), type=Job)
    try:
        outcome = Outcome(measure_trial(job))
    except EdgeRunError as error:
        outcome = Outcome(None, f"{error.message}; {error.hint}" if error.hint else error.message)
    out.write(msgspec.json.encode(outcome))
    out.flush()
    # Some backends crash when the process frees their memory; the measurements are written by then.
    os._exit(0)
