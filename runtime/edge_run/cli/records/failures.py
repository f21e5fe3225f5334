"""Inputs without an answer: their record, their text, and the list of them at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from edge_run.cli.output import Record, say, unicode
from edge_run.errors import InputError

if TYPE_CHECKING:
    from edge_run.cli.output import Style
    from edge_run.errors import EdgeRunError

MOST_LISTED = 20


def failure(name: str, error: EdgeRunError) -> Record:
    """Return the record of an input that has no answer."""
    return {"path": unicode(name), "error": error.to_dict()}


def failure_text(record: Record, style: Style) -> str:
    """Write for a person why an input has no answer."""
    error = record["error"]
    lines = [record["path"], *style.wrapped(f"  {style.error('error:')} {error['message']}")]
    if error["hint"]:
        lines += style.wrapped(f"  hint: {error['hint']}")
    return "\n".join([*lines, ""])


class Failures:
    """Counts inputs, and lists at the end those that failed."""

    def __init__(self) -> None:
        self.inputs = 0
        self.failed: list[tuple[str, str]] = []

    def add(self, name: str, error: EdgeRunError) -> None:
        """Take an input that failed."""
        self.failed.append((name, error.message))

    def close(self, what: str) -> None:
        """List what failed, and leave with exit code 3 where anything did.

        Parameters
        ----------
        what
            What could not be done: ``scans could not be answered``.
        """
        if not self.failed:
            return
        lines = [f"{len(self.failed)} of {self.inputs} {what}:"]
        lines += [f"  {name}: {message}" for name, message in self.failed[:MOST_LISTED]]
        if len(self.failed) > MOST_LISTED:
            lines.append(f"  and {len(self.failed) - MOST_LISTED} more")
        say("\n".join(lines))
        raise typer.Exit(InputError.exit_code)
