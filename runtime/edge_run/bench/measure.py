"""Measure variants against each other in interleaved rounds, one trial of each variant a round."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_run.errors import EdgeRunError

from .interleave import in_round
from .job import Job
from .plan import artefact_bytes, threads_of
from .record import PREDICT, Result
from .summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edge_run.bundle.bundle import Bundle

    from .job import Outcome
    from .record import Trial, Variant
    from .scans import Scans

WINDOW = 32
"""Scans that one trial reads; the next trial continues after them."""


class Budget(NamedTuple):
    """The rounds, and the least seconds and answers of each variant, spread over the rounds."""

    rounds: int
    min_time_s: float
    min_count: int


class Processes(NamedTuple):
    """The functions that run a trial and that time the whole command, milliseconds; tests replace them."""

    run_trial: Callable[[Job], Outcome]
    cold_start: Callable[[Job], float]


def measure(
    bundle: Bundle,
    variants: Sequence[Variant],
    scans: Scans,
    budget: Budget,
    threads: int,
    processes: Processes,
    progress: Callable[[Variant, int, int], None],
) -> tuple[Result, ...]:
    """Measure variants. One that fails has no further trials, and does not stop the others.

    Parameters
    ----------
    threads
        Cores that the networks may use.
    progress
        Called before each trial with the variant, the number of finished trials, and the number of all.
    """
    # A damaged bundle ends the benchmark here; and every trial finds the files in the system's cache.
    sizes = artefact_bytes(bundle, (variant.precision for variant in variants))
    trials: dict[Variant, list[Trial]] = {variant: [] for variant in variants}
    errors: dict[Variant, str] = {}
    for number in range(budget.rounds):
        for place, variant in enumerate(in_round(variants, number)):
            progress(variant, number * len(variants) + place, budget.rounds * len(variants))
            if variant not in errors:
                taken = sum(len(trial.warm_ms) for trial in trials[variant])
                job = Job(
                    str(bundle.path),
                    variant,
                    threads,
                    scans.window(taken, WINDOW),
                    budget.min_time_s / budget.rounds,
                    math.ceil(budget.min_count / budget.rounds),
                )
                outcome = _trial(job, processes)
                if outcome.trial is None:
                    errors[variant] = outcome.error
                else:
                    trials[variant].append(outcome.trial)
    return tuple(
        Result(
            variant,
            threads_of(bundle.manifest, variant, threads),
            _bytes(variant, sizes[variant.precision]),
            summarise(found) if found else None,
            tuple(found),
            errors.get(variant, ""),
        )
        for variant, found in trials.items()
    )


def _bytes(variant: Variant, sizes: Mapping[str, int]) -> int:
    """Return the size of the networks that a variant loads."""
    return sizes[variant.member] if variant.member else sum(sizes.values())


def _trial(job: Job, processes: Processes) -> Outcome:
    outcome = processes.run_trial(job)
    if outcome.trial is None or job.variant.what != PREDICT:
        return outcome
    try:
        cold = processes.cold_start(job)
    except EdgeRunError as error:
        return msgspec.structs.replace(outcome, trial=None, error=error.message)
    return msgspec.structs.replace(outcome, trial=msgspec.structs.replace(outcome.trial, cold_ms=cold))
