"""The commands of ``edge-run cases``: read, annotate, check and empty the case log."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from edge_run.errors import GateError, UsageError

from . import _options
from .output import Format, Record, Sink, print_json, print_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from edge_run.cases import CaseLog

app = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)

COLUMNS = (
    "id", "utc", "label", "probability", "probabilities", "interval", "flags", "members", "measures", "bundle",
    "bundle_sha256", "precision", "backend", "skipped_backends", "version", "scan_sha256", "steps", "timing_ms", "kept_image",
    "notes", "seq", "hash",
)  # fmt: skip

Log = Annotated[
    Path | None,
    typer.Option("--case-log", help="The log; $EDGE_RUN_CASE_LOG or the user's data folder by default."),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="A case's id, or its beginning or end where only one has it.")]
Since = Annotated[
    str | None, typer.Option(metavar="DATE", help="From this time on, UTC: 2026-07-29 or 2026-07-29T14:00.")
]
Jsonl = Annotated[bool, typer.Option("--jsonl", help="One JSON record per line.")]
Csv = Annotated[bool, typer.Option("--csv", help="Comma-separated, with a header.")]


@app.command("list")
def list_(
    flagged: Annotated[bool, typer.Option("--flagged", help="Only cases with a flag.")] = False,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 20,
    as_json: _options.Json = False,
    jsonl: Jsonl = False,
    as_csv: Csv = False,
    case_log: Log = None,
) -> None:
    """List the newest cases."""
    from edge_run.cases import reading

    from ._case_text import line

    with _existing(case_log) as log:
        found = reading.newest(log, limit, flagged=flagged, since=_time(since) if since else "")
    _write(found, _form(as_json=as_json, jsonl=jsonl, as_csv=as_csv), line)
    if not found:
        typer.echo("no such case" if flagged or since else "the case log is empty", err=True)


@app.command()
def show(case: Id, as_json: _options.Json = False, case_log: Log = None) -> None:
    """Show one case, with what was noted about it."""
    from edge_run.cases import reading

    from ._case_text import whole

    with _existing(case_log) as log:
        found = reading.find(log, case)
    if as_json:
        print_json(found)
    else:
        _write([found], Format.TEXT, whole)


@app.command()
def export(
    as_csv: Csv = False,
    jsonl: Jsonl = False,
    out: Annotated[Path | None, typer.Option(help="A new file; standard output by default.")] = None,
    case_log: Log = None,
) -> None:
    """Write all cases, oldest first, as CSV or JSON lines."""
    from contextlib import redirect_stdout

    from edge_run.cases import reading

    form = _form(as_json=False, jsonl=jsonl, as_csv=as_csv)
    if form is Format.TEXT:
        raise UsageError("no format is given", hint="give --csv or --jsonl")
    with _existing(case_log) as log:
        if out is None:
            _write(reading.cases(log), form, str)
            return
        with _new_file(out) as file, redirect_stdout(file):
            _write(reading.cases(log), form, str)


@app.command()
def note(
    case: Id,
    label: Annotated[str | None, typer.Option(help="What the scan shows: one of the bundle's labels.")] = None,
    remark: Annotated[str, typer.Option(help="A sentence. No names: the log holds none.")] = "",
    case_log: Log = None,
) -> None:
    """Note what a scan really shows. The case itself is not changed."""
    from edge_run.cases.notes import note as add

    with _existing(case_log) as log:
        found = add(log, case, label=label, remark=remark)
    typer.echo(f"noted about case {found['id']}", err=True)


@app.command()
def verify(
    head: Annotated[
        str, typer.Option(metavar="HASH", help="A head noted earlier, which the log must still have.")
    ] = "",
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Check the hash chain (exit 6 if it is broken).

    An entry that was altered, removed or put in another place shows.
    """
    import msgspec

    from edge_run.cases.chain import verify as check

    from ._case_text import chain

    noted = head.strip().lower()
    if noted and (len(noted) < 16 or not set(noted) <= set("0123456789abcdef")):
        raise UsageError(f"{head!r} is no hash", hint="give the 64 digits that edge-run cases verify printed")
    with _existing(case_log) as log:
        found = check(log, noted)
    if as_json:
        print_json({"intact": not found.faults, **msgspec.to_builtins(found)})
    else:
        print_text(chain(found))
    if found.faults:
        raise GateError(
            f"the case log is not what was written: {found.faults[0].message}",
            hint="keep a copy of it as it is, find out who had access, and go on with a new --case-log",
        )


@app.command()
def purge(
    before: Annotated[str, typer.Option(metavar="DATE", help="Delete cases from before this time, UTC: 2026-07-29.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    case_log: Log = None,
) -> None:
    """Delete old cases, notes about them and images of them. What is left stays verifiable."""
    from edge_run.cases import purge as purging

    until = _time(before)
    with _existing(case_log) as log:
        doomed = purging.count(log, until)
        if not doomed.cases:
            typer.echo(f"no case is from before {before}", err=True)
            return
        _confirm(f"delete {doomed.cases} cases and {doomed.notes} notes from before {before} for good?", yes=yes)
        done = purging.purge(log, until)
    typer.echo(f"deleted {done.cases} cases, {done.notes} notes, {done.images} images", err=True)


@app.command()
def drift(
    bundle: _options.Bundle = "ct-covid",
    since: Since = None,
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Say whether today's scans still look like the bundle's validation scans."""
    import msgspec

    from edge_run.bundle.bundle import Bundle
    from edge_run.cases import reading
    from edge_run.cases.drift import report

    from ._case_text import drifted

    opened = Bundle(bundle)
    with _existing(case_log) as log:
        found = report(opened, reading.cases(log, since=_time(since) if since else ""))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        print_text(drifted(found))


def _existing(path: Path | None) -> CaseLog:
    from edge_run.cases import CaseLog

    return CaseLog.existing(path)


def _time(text: str) -> str:
    """A date or time, as the log writes times; without an offset it is UTC."""
    from datetime import datetime, timezone

    from edge_run.cases.ids import utc

    try:
        given = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        aware = given if given.tzinfo else given.replace(tzinfo=timezone.utc)
        return utc(int(aware.timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no date", hint="write it like 2026-07-29 or 2026-07-29T14:00") from error


def _form(*, as_json: bool, jsonl: bool, as_csv: bool) -> Format:
    chosen = [form for form, given in ((Format.JSON, as_json), (Format.JSONL, jsonl), (Format.CSV, as_csv)) if given]
    if len(chosen) > 1:
        raise UsageError("more than one output format is given", hint="keep one")
    return chosen[0] if chosen else Format.TEXT


def _write(records: Iterable[Record], form: Format, to_text: Callable[[Record], str]) -> None:
    sink = Sink(form, COLUMNS, to_text)
    for record in records:
        sink.write(record)
    sink.close()


@contextmanager
def _new_file(path: Path) -> Iterator[TextIO]:
    """A file for this user alone, which was not there before; gone again when it cannot be finished."""
    try:
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        with os.fdopen(made, "w", encoding="utf-8", newline="") as file:
            try:
                yield file
            except BaseException:
                path.unlink()
                raise
    except FileExistsError as error:
        raise UsageError(f"{path} exists already", hint="give another --out, or remove it") from error
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}", hint="give another --out") from error


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can be asked whether to delete", hint="give --yes")
    typer.confirm(question, abort=True, err=True)
