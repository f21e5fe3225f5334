"""The commands of ``edge-run cases`` that read: list, show, find, export."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from edge_run.errors import UsageError

from . import _options
from ._case_options import Id, Log, Since, existing_log, log_time, warn_of_damage
from .output import Format, Record, Sink, chosen_format, print_json, print_text, say
from .records.case_text import HEADER, case_line, whole_case
from .records.table import CASE, Table, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def list_(
    flagged: Annotated[bool, typer.Option("--flagged", help="List only cases with a flag.")] = False,
    since: Since = None,
    limit: Annotated[int, typer.Option(min=1, help="List at most so many, the newest first.")] = 20,
    as_json: _options.Json = False,
    jsonl: _options.Jsonl = False,
    as_csv: _options.Csv = False,
    case_log: Log = None,
) -> None:
    """List the newest cases."""
    from edge_run.cases import reading

    form = chosen_format(json=as_json, jsonl=jsonl, csv=as_csv)
    after = log_time(since)
    found: list[Record] = []
    damaged: list[int] = []
    if _is_there(case_log):
        with existing_log(case_log) as log:
            # A table has a column for each class and member, which an answer to a series has not.
            series = form is not Format.CSV
            found = reading.newest(log, limit, flagged=flagged, since=after, series=series, damaged=damaged)
    if found and form is Format.TEXT:
        print_text(HEADER)
    _write(found, form, found)
    if not found:
        say("there is no such case" if flagged or since else "the case log is empty")
    warn_of_damage(damaged)


def show(case: Id, as_json: _options.Json = False, case_log: Log = None) -> None:
    """Show one case, with the notes about it."""
    from edge_run.cases import reading

    with existing_log(case_log) as log:
        found = reading.find(log, case, series=True)
    if as_json:
        print_json(found)
        return
    with Sink(Format.TEXT, whole_case) as sink:
        sink.write(found)


def find(
    scans: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Scans that may have been answered: files, folders, globs."),
    ] = None,
    accession: Annotated[
        str, typer.Option("--id", metavar="ACCESSION", help="Find the cases that were logged with this number.")
    ] = "",
    as_json: _options.Json = False,
    case_log: Log = None,
) -> None:
    """Find the cases of a scan, by the hash of its file, or of an accession number."""
    if bool(scans) == bool(accession):
        raise UsageError("there is nothing to find, or two things", hint="give either scans or --id ACCESSION")
    from edge_run._files import sha256
    from edge_run._files.read import load
    from edge_run.cases import reading
    from edge_run.scan.inputs import expand
    from edge_run.scan.read import MAX_BYTES

    paths = [given.path for given in expand(scans or []) if given.path is not None]
    wanted = {sha256(load(path, MAX_BYTES)) for path in paths}
    with existing_log(case_log) as log:
        found = (
            reading.of_accession(log, accession)
            if accession
            else [case for case in reading.cases(log) if case["scan_sha256"] in wanted]
        )
    _write(found[::-1], Format.JSON if as_json else Format.TEXT, ())
    if not found:
        say("no case in the log has this number" if accession else "no case in the log is of such a scan")


def export(
    as_csv: _options.Csv = False,
    jsonl: _options.Jsonl = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a new file.  [default: standard output]")
    ] = None,
    case_log: Log = None,
) -> None:
    """Write all cases, oldest first, as CSV or JSON lines."""
    from edge_run.cases import reading

    form = chosen_format(csv=as_csv, jsonl=jsonl)
    if form is Format.TEXT:
        raise UsageError("no format is given", hint="give --csv or --jsonl")
    damaged: list[int] = []
    with existing_log(case_log) as log, _new_file(out) if out else nullcontext(sys.stdout) as file:
        # The columns of the table must be known before its first row.
        known = reading.cases(log) if form is Format.CSV else ()
        with redirect_stdout(file):
            _write(reading.cases(log, damaged=damaged), form, known)
    warn_of_damage(damaged)


def backup(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="New file for the copy.")],
    case_log: Log = None,
) -> None:
    """Copy the case log, with its images, while edge-run writes into it."""
    from edge_run.cases import backup as copy

    with existing_log(case_log) as log:
        entries = copy(log, out)
    say(f"copied {entries} entries to {out}")


def _is_there(path: Path | None) -> bool:
    """Whether there is a log; before the first answer there is none, which is no error for a list."""
    from edge_run.cases import default_path

    found = path or default_path()
    return found is None or path is not None or found.exists()


def _write(records: Iterable[Record], form: Format, known: Iterable[Record]) -> None:
    columns: Sequence[str] = Table.of(CASE, known).columns if form is Format.CSV else ()
    with Sink(form, case_line, columns, row) as sink:
        for record in records:
            sink.write(record)


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
