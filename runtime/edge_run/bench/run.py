"""A whole benchmark: the plan carried out, and written down with what it was measured on."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from edge_run.machine.cores import allowed_cores

from . import conditions, processes, scans
from .measure import Effort, Processes, measure
from .record import SCHEMA, Conditions, Record
from .summary import UNSTEADY_OVER
from .turn import WARM_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.doctor import Machine

    from .plan import Plan
    from .record import Result, Variant

USUAL = Effort(rounds=5, min_time_s=5.0, min_count=50)
QUICK = Effort(rounds=3, min_time_s=0.6, min_count=9)


def run(
    bundle: Bundle,
    plan: Plan,
    machine: Machine,
    given: Sequence[str],
    *,
    effort: Effort = USUAL,
    threads: int | None = None,
    command: str = "",
    tell: Callable[[Variant, int, int], None] = lambda *_: None,
    fresh: Processes | None = None,
) -> Record:
    """Measure a plan.

    Parameters
    ----------
    machine
        As :func:`edge_run.doctor.examine` finds it.
    given
        Scans; drawn ones where there are none.
    threads
        Cores to give to the networks; all that the process may use by default.
    command
        What was typed, for the record.
    tell, fresh
        As :func:`edge_run.bench.measure.measure` takes them.

    Raises
    ------
    BundleError
        A file is missing or is not the one the manifest names.
    InputError
        A scan cannot be read.
    """
    cores = threads or allowed_cores()
    # Checked here, so that a damaged bundle stops all at once; and from here on in the system's cache for every turn.
    for precision in {variant.precision: None for variant in plan.variants}:
        for member in bundle.manifest.members:
            bundle.read(member.artefacts[precision].file)
    created, before = datetime.now(timezone.utc).isoformat(timespec="seconds"), conditions.load()
    with TemporaryDirectory(prefix="edge-run-bench-") as folder:
        taken = scans.take(given, Path(folder))
        started = fresh or Processes(processes.take_turn, processes.cold_start)
        results = measure(bundle, plan.variants, taken, effort, cores, started, tell)
    had = _conditions(taken, effort, cores, (before, conditions.load()))
    return Record(
        SCHEMA,
        created,
        command,
        bundle.manifest.name,
        bundle.sha256,
        msgspec.to_builtins(machine),
        had,
        results,
        plan.left_out,
    )


def first_error(results: Sequence[Result]) -> str:
    """Why nothing was measured; empty where something was."""
    return "" if any(result.summary for result in results) else results[0].error


def _conditions(taken: scans.Scans, effort: Effort, threads: int, load: tuple[float, float]) -> Conditions:
    return Conditions(
        affinity=conditions.affinity(),
        cgroup_cores=conditions.cgroup_cores(),
        threads=threads,
        governor=conditions.governor(),
        load=load,
        rounds=effort.rounds,
        min_time_s=effort.min_time_s,
        min_count=effort.min_count,
        warm_up=WARM_UP,
        unsteady_over=UNSTEADY_OVER,
        scans=len(taken.paths),
        drawn=taken.drawn,
        scans_sha256=taken.sha256,
    )
