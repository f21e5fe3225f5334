"""The commands of ``edge-run batch``: run, list, merge."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import GateError, InputError, UsageError

from . import _options
from ._choices import ray_addresses
from ._interrupt import saying_what_is_kept
from .output import print_json, print_text, say

if TYPE_CHECKING:
    from edge_run.batch.progress import Work

Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATH...",
        help="Files, folders, globs, URLs such as s3://bucket/folder, or lists: .txt, .jsonl. Without any: the list in the output folder.",
    ),
]
Out = Annotated[
    Path,
    typer.Option(
        metavar="DIR", help="Output folder, the same for all shards and all calls.", rich_help_panel=_options.OUTPUT
    ),
]
WORK = "Division of work"


def run(
    paths: Paths = None,
    out: Out = ...,  # type: ignore[assignment]
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Answer the I-th of N shards, counted from 1.", rich_help_panel=WORK)
    ] = "1/1",
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Let Ray divide the work: local (also without ADDRESS) on this machine, auto or HOST:PORT on a cluster.",
            autocompletion=ray_addresses,
            rich_help_panel=WORK,
        ),
    ] = None,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Answer again what had an error.", rich_help_panel=WORK)
    ] = False,
    parquet: Annotated[
        bool, typer.Option("--parquet", help="Write parts as Parquet, not JSON lines.", rich_help_panel=_options.OUTPUT)
    ] = False,
    bundle: _options.Bundle = "ct-covid",
    precision: _options.Precision = None,
    backend: _options.Backend = "auto",
    threads: _options.Threads = None,
    early_exit: _options.EarlyExit = False,
    decode_seconds: _options.DecodeSeconds = _options.DECODE_SECONDS,
    decode_memory: _options.DecodeMemory = _options.DECODE_MEMORY,
    as_json: _options.Json = False,
) -> None:
    """Answer an archive, or a shard of it.

    What is in the output folder is not answered again. A file that cannot be read has a row with an error, and the exit
    code is 0 all the same.
    """
    from edge_run.batch.folder import usable

    from ._answering import decode_limits
    from ._batching import Job, run_shard

    limits = decode_limits(decode_seconds, decode_memory)
    job = Job(out, paths or [], bundle, precision, backend, threads, early_exit, parquet, retry_errors, limits)
    with usable(out):
        if ray is None:
            work = run_shard(job, shard)
        else:
            from ._batching_ray import run_ray

            work = run_ray(job, ray, shard)
    if as_json:
        print_json(
            {
                "part": work.part,
                "files": work.files,
                "before": work.before,
                "answered": work.answered,
                "errors": work.errors,
            }
        )
    else:
        say(_said(work))


def list_(paths: Paths = None, out: Out = ..., as_json: _options.Json = False) -> None:  # type: ignore[assignment]
    """List an archive and hash its files once.

    Each shard then reads only its own. The list is kept in the output folder; edge-run batch run --out DIR takes it
    from there.
    """
    from ._batching import listed

    if not paths:
        raise UsageError("there is nothing to list", hint="give files, folders or URLs")
    from edge_run.batch.folder import usable
    from edge_run.batch.listing import read_list

    with usable(out), saying_what_is_kept(lambda: "no list was written"):
        path = listed(paths, out)
    entries = list(read_list(path))
    unreadable = sum(entry.sha256 is None for entry in entries)
    contents = len({entry.sha256 for entry in entries if entry.sha256})
    if as_json:
        print_json({"list": str(path), "files": len(entries), "contents": contents, "unreadable": unreadable})
    else:
        say(f"{path}: {len(entries)} files, {contents} different ones, {unreadable} unreadable")


def merge(
    out: Annotated[Path, typer.Argument(metavar="DIR", help="Output folder of the shards.")],
    csv: Annotated[
        bool,
        typer.Option(
            "--csv", help="Also write answers.csv, a table for a spreadsheet.", rich_help_panel=_options.OUTPUT
        ),
    ] = False,
    as_json: _options.Json = False,
) -> None:
    """Join what the shards wrote, check it, and summarise.

    Writes DIR/answers.jsonl and DIR/summary.json. The exit code is 3 where listed files have no row, 6 where a hash chain
    is broken or two answers of one file differ.
    """
    from edge_run.batch.folder import usable

    from ._merging import merged_folder

    with usable(out):
        merged, document, text = merged_folder(out, csv=csv)
    if as_json:
        print_json(document)
    else:
        print_text(text)
    if merged.faults:
        raise GateError(
            f"{merged.faults[0].part}: {merged.faults[0].message}",
            hint=f"move that part out of {out / 'parts'}, keep it for an investigation, and run the shards again",
        )
    if merged.differing:
        raise GateError(
            f"{merged.differing} files have answers that differ from each other, such as {merged.differing_files[0]}",
            hint="give the same --precision, --backend and --threads on every machine; the first answer in order is kept",
        )
    if merged.missing:
        raise InputError(f"{merged.missing} listed files have no answer yet", hint=f"edge-run batch run --out {out}")


def _said(work: Work) -> str:
    before = f", {work.before} were answered before" if work.before else ""
    errors = f", {work.errors} of them with an error" if work.errors else ""
    return f"{work.part}: answered {work.answered} of {work.files} files{errors}{before}"
