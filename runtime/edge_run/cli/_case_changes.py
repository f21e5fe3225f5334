"""The commands of ``edge-run cases`` that write: note and purge."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from edge_run.errors import UsageError

from ._case_options import Id, Log, existing_log, log_time
from .output import say
from .output.messages import warn


def note(
    case: Id,
    label: Annotated[str | None, typer.Option(help="Note what the scan shows: one of the bundle's labels.")] = None,
    remark: Annotated[str, typer.Option(help="Add a sentence. No names: the log holds none.")] = "",
    case_log: Log = None,
) -> None:
    """Note what a scan really shows; the case stays as it is."""
    from edge_run.cases.notes import note as add

    with existing_log(case_log, write=True) as log:
        found = add(log, case, label=label, remark=remark)
    say(f"noted about case {found['id']}")


def purge(
    before: Annotated[str, typer.Option(metavar="DATE", help="Delete cases from before this time, UTC: 2026-07-29.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    case_log: Log = None,
) -> None:
    """Delete old cases, with their notes and images.

    What is left can still be verified.
    """
    from edge_run.cases import purge as purging

    until = log_time(before)
    with existing_log(case_log, write=True) as log:
        doomed = purging.count(log, until)
        if not doomed.cases:
            say(f"no case is from before {before}")
            _warn_of_reader(overwritten=purging.overwrite(log))
            return
        _confirm(f"delete {doomed.cases} cases and {doomed.notes} notes from before {before} for good?", yes=yes)
        done = purging.purge(log, until)
    say(f"deleted {done.cases} cases, {done.notes} notes, {done.images} images")
    _warn_of_reader(overwritten=done.overwritten)


def _warn_of_reader(*, overwritten: bool) -> None:
    if not overwritten:
        warn(
            "another process reads the log: deleted text stays in its write-ahead log until that process has finished",
            "end it, then run the same purge again",
        )


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nobody can confirm the deletion: standard input is no terminal", hint="give --yes")
    typer.confirm(question, abort=True, err=True)
