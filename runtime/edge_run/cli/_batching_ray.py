"""What ``edge-run batch run --ray`` does: list here, answer on the cluster, write here."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from pathlib import Path

from edge_run.batch import parquet
from edge_run.batch.folder import Settings, only_process, settle
from edge_run.batch.part import PartWriter, recover
from edge_run.batch.progress import Work, write
from edge_run.batch.ray_answers import EnsembleOptions, answer_with_ray
from edge_run.batch.ray_cluster import LOCAL, cluster, need_ray
from edge_run.batch.shard import WHOLE
from edge_run.batch.work import pending
from edge_run.errors import UsageError

from ._answering import open_bundle
from ._batching import Job, kept, lists_of, shown
from ._interrupt import saying_what_is_kept
from .output import Progress

PREFIX = "ray"


def run_ray(job: Job, address: str, shard: str) -> Work:
    """Answer an archive on a cluster.

    Raises
    ------
    UsageError
        A shard was asked for as well, the address is a path, or the cluster is too small.
    """
    if shard != "1/1":
        raise UsageError("--ray divides the work itself", hint="leave out --shard")
    if address not in (LOCAL, "auto") and (":" not in address or Path(address).exists()):
        raise UsageError(f"{address!r} is no address of a Ray cluster", hint="--ray local, --ray auto, --ray HOST:PORT")
    ray = need_ray(address)
    # A scheduler that ends the job must not leave Ray's processes and files behind.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    if job.parquet:
        parquet.need_pyarrow()
    opened, selection = open_bundle(job.bundle, job.backend, job.precision)
    precision = selection.choice.precision
    with only_process(job.out, PREFIX):
        recover(job.out, PREFIX, as_parquet=job.parquet)
        items, before = pending(lists_of(job), job.out, WHOLE, retry_errors=job.retry_errors)
        left = sum(len(item.paths) for item in items)
        work = Work(PREFIX, left + before, before)
        if not items:
            return work
        settle(job.out, Settings.of(opened, precision, early_exit=job.early_exit))
        with (
            cluster(address, job.threads) as plan,
            PartWriter(job.out, PREFIX, as_parquet=job.parquet) as writer,
            saying_what_is_kept(lambda: kept(work)),
            Progress() as progress,
        ):
            options = EnsembleOptions(
                str(opened.path.absolute()),
                opened.sha256,
                precision,
                job.backend,
                plan.cores,
                job.early_exit,
                job.limits,
            )
            with closing(answer_with_ray(ray, items, options, plan)) as answers:
                write(answers, writer, work, shown(progress))
    return work
