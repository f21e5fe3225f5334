"""Run a whole benchmark, and record it with its conditions."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import msgspec

from edge_run.machine.cores import allowed_cores

from . import conditions, processes, scans
from .measure import Budget, Processes, measure
from .record import SCHEMA, Conditions, Record
from .summary import UNSTEADY_OVER
from .trial import WARM_UP

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.doctor import Machine

    from .plan import Plan
    from .record import Result, Variant

USUAL = Budget(rounds=5, min_time_s=5.0, min_count=50)
QUICK = Budget(rounds=2, min_time_s=0.4, min_count=6)


def run(
    bundle: Bundle,
    plan: Plan,
    machine: Machine,
    paths: Sequence[str],
    *,
    budget: Budget = USUAL,
    threads: int | None = None,
    command: str = "",
    progress: Callable[[Variant, int, int], None] = lambda *_: None,
    fresh: Processes | None = None,
) -> Record:
    """Measure a plan.

    Parameters
    ----------
    machine
        The description from :func:`edge_run.doctor.examine`.
    paths
        Scans; synthetic ones where there are none.
    threads
        Cores that the networks may use; all that the process may use by default.
    command
        The command line, for the record.
    progress, fresh
        As :func:`edge_run.bench.measure.measure` takes them.

    Raises
    ------
    BundleError
        A file is missing or is not the one the manifest names.
    InputError
        A scan cannot be read.
    """
    cores = threads or allowed_cores()
    created, before = datetime.now(timezone.utc).isoformat(timespec="seconds"), conditions.load()
    with TemporaryDirectory(prefix="edge-run-bench-") as folder:
        taken = scans.take(paths, Path(folder))
        started = fresh or Processes(processes.run_trial, processes.cold_start)
        results = measure(bundle, plan.variants, taken, budget, cores, started, progress)
    had = _conditions(taken, budget, cores, (before, conditions.load()))
    return Record(
        SCHEMA,
        created,
        command,
        bundle.manifest.name,
        bundle.sha256,
        msgspec.to_builtins(machine),
        had,
        results,
        plan.skipped,
    )


def first_error(results: Sequence[Result]) -> str:
    """Return why nothing was measured; empty where something was."""
    return "" if any(result.summary for result in results) else results[0].error


def _conditions(taken: scans.Scans, budget: Budget, threads: int, load: tuple[float, float]) -> Conditions:
    return Conditions(
        affinity=conditions.affinity(),
        cgroup_cores=conditions.cgroup_cores(),
        threads=threads,
        governor=conditions.governor(),
        load=load,
        rounds=budget.rounds,
        min_time_s=budget.min_time_s,
        min_count=budget.min_count,
        warm_up=WARM_UP,
        unsteady_over=UNSTEADY_OVER,
        scans=len(taken.paths),
        synthetic=taken.synthetic,
        scans_sha256=taken.sha256,
    )
