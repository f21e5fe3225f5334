"""What ``edge-run batch run`` does: list, load, answer, write."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from edge_run.batch import parquet
from edge_run.batch.folder import Settings, only_process, settle
from edge_run.batch.listing import lists, make_list
from edge_run.batch.part import PartWriter, recover
from edge_run.batch.progress import Work, write
from edge_run.batch.shard import Shard
from edge_run.batch.work import answer, pending
from edge_run.errors import UsageError

from ._answering import open_bundle
from ._interrupt import saying_what_is_kept
from .output import Progress, say
from .output.progress import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from edge_run.scan.scan import Limits

SECONDS_BETWEEN_LINES = 60.0


class Job(NamedTuple):
    """What was asked for."""

    out: Path
    paths: Sequence[str]
    bundle: str
    precision: str | None
    backend: str
    threads: int | None
    early_exit: bool
    parquet: bool
    retry_errors: bool
    limits: Limits


def listed(paths: Sequence[str], out: Path) -> Path:
    """List and hash, with progress."""
    with Progress() as progress:
        return make_list(paths, out, lambda done, of: progress.show("reading and hashing", done, of, "files"))


def lists_of(job: Job) -> list[Path]:
    """Return the list of what was given; without anything, those that lie in the output folder.

    Raises
    ------
    UsageError
        There is neither.
    """
    found = [listed(job.paths, job.out)] if job.paths else lists(job.out)
    if not found:
        raise UsageError(f"there are no paths, and no list in {job.out}", hint="give files, folders or URLs")
    return found


def run_shard(job: Job, text: str) -> Work:
    """Answer a shard in this process."""
    shard = Shard.parse(text)
    prefix = shard.prefix
    if job.parquet:
        parquet.need_pyarrow()
    opened, selection = open_bundle(job.bundle, job.backend, job.precision)
    with only_process(job.out, prefix):
        recover(job.out, prefix, as_parquet=job.parquet)
        items, before = pending(lists_of(job), job.out, shard, retry_errors=job.retry_errors)
        left = sum(len(item.paths) for item in items)
        work = Work(f"shard {shard}", left + before, before)
        if not items:
            return work
        from edge_run.ensemble.ensemble import Ensemble

        with (
            Ensemble(
                opened, selection=selection, threads=job.threads, early_exit=job.early_exit, limits=job.limits
            ) as ensemble,
            PartWriter(job.out, prefix, as_parquet=job.parquet) as writer,
        ):
            settle(job.out, Settings.of(opened, ensemble.precision, early_exit=job.early_exit))
            with saying_what_is_kept(lambda: kept(work)), Progress() as progress:
                write(answer(ensemble, items), writer, work, shown(progress))
    return work


def kept(work: Work) -> str:
    """Say what an interrupt leaves."""
    return f"{work.part}: {work.before + work.answered} of {work.files} files are answered; run it again to go on"


def shown(progress: Progress, clock_: Callable[[], float] = time.monotonic) -> Callable[[Work], None]:
    """Show progress: a bar on a terminal, and in a job's log a line each minute."""
    begin = last = clock_()

    def show(work: Work) -> None:
        nonlocal last
        total = work.files - work.before
        progress.show(work.part, work.answered, total, "files")
        now = clock_()
        if not progress.shown and now - last >= SECONDS_BETWEEN_LINES and work.answered:
            last, rate = now, work.answered / (now - begin)
            left = clock((total - work.answered) / rate)
            say(f"{work.part}: {work.answered} of {total} files, {rate:.1f} files/s, {left} left, {work.errors} errors")

    return show
