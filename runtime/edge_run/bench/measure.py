"""Rounds of turns: every variant one turn a round, and the way back in every other round."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_run.errors import EdgeRunError

from .plan import artefact_bytes, threads_of
from .record import PREDICT, Result
from .summary import summarise
from .turn import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_run.bundle.bundle import Bundle

    from .record import Block, Variant
    from .scans import Scans
    from .turn import Outcome

WINDOW = 32
"""Scans that one turn reads; the next goes on where it stopped."""


class Effort(NamedTuple):
    """How long to measure each variant: both bounds are reached, spread over the rounds."""

    rounds: int
    min_time_s: float
    min_count: int


class Processes(NamedTuple):
    """What starts a turn, and what times the whole command, milliseconds; tests put their own here."""

    take_turn: Callable[[Job], Outcome]
    cold_start: Callable[[Job], float]


def measure(
    bundle: Bundle,
    variants: Sequence[Variant],
    scans: Scans,
    effort: Effort,
    threads: int,
    processes: Processes,
    tell: Callable[[Variant, int, int], None],
) -> tuple[Result, ...]:
    """Measure variants against each other. One that fails has no further turn, and does not stop the others.

    Parameters
    ----------
    threads
        Cores to give to the networks.
    tell
        Called before each turn with the variant, how many turns are done, and of how many.
    """
    blocks: dict[Variant, list[Block]] = {variant: [] for variant in variants}
    errors: dict[Variant, str] = {}
    for number in range(effort.rounds):
        # Back and forth: what drifts evenly over a round then falls on all alike.
        for place, variant in enumerate(variants[:: -1 if number % 2 else 1]):
            tell(variant, number * len(variants) + place, effort.rounds * len(variants))
            if variant not in errors:
                taken = sum(len(block.warm_ms) for block in blocks[variant])
                job = Job(
                    str(bundle.path),
                    variant,
                    threads,
                    scans.window(taken, WINDOW),
                    effort.min_time_s / effort.rounds,
                    math.ceil(effort.min_count / effort.rounds),
                )
                outcome = _turn(job, processes)
                if outcome.block is None:
                    errors[variant] = outcome.error
                else:
                    blocks[variant].append(outcome.block)
    return tuple(
        Result(
            variant,
            threads_of(bundle.manifest, variant, threads),
            artefact_bytes(bundle.manifest, variant),
            summarise(found) if found else None,
            tuple(found),
            errors.get(variant, ""),
        )
        for variant, found in blocks.items()
    )


def _turn(job: Job, processes: Processes) -> Outcome:
    outcome = processes.take_turn(job)
    if outcome.block is None or job.variant.what != PREDICT:
        return outcome
    try:
        cold = processes.cold_start(job)
    except EdgeRunError as error:
        return msgspec.structs.replace(outcome, block=None, error=error.message)
    return msgspec.structs.replace(outcome, block=msgspec.structs.replace(outcome.block, cold_ms=cold))
