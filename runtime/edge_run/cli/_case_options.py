"""What the commands of ``edge-run cases`` share: arguments, times, and opening the log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edge_run.errors import UsageError

from .output.messages import warn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.cases import CaseLog

MOST_NAMED = 20

Log = Annotated[
    Path | None,
    typer.Option(
        "--case-log",
        metavar="FILE",
        help="Use this case log.  [default: $EDGE_RUN_CASE_LOG, or one in the user's data folder]",
    ),
]
Id = Annotated[str, typer.Argument(metavar="ID", help="A case's id, or its beginning or end where only one has it.")]
Since = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="Take cases from this time on, UTC: 2026-07-29 or 2026-07-29T14:00."),
]


def existing_log(path: Path | None, *, write: bool = False) -> CaseLog:
    """Open the case log to read it, or to ``write`` into it; it must be there."""
    from edge_run.cases import CaseLog

    return CaseLog.existing(path, write=write)


def log_time(text: str | None) -> str:
    """Return a date or time as the log writes times; without an offset it is UTC, and None is the empty text."""
    from datetime import datetime, timezone

    from edge_run.cases.ids import utc

    if text is None:
        return ""
    try:
        read = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
        aware = read if read.tzinfo else read.replace(tzinfo=timezone.utc)
        return utc(int(aware.timestamp() * 1000))
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text!r} is no date", hint="write it like 2026-07-29 or 2026-07-29T14:00") from error


def warn_of_damage(entries: Sequence[int]) -> None:
    """Warn of entries that were left out because they cannot be read."""
    if entries:
        some = ", ".join(map(str, sorted(entries)[:MOST_NAMED])) + (", ..." if len(entries) > MOST_NAMED else "")
        warn(f"{len(entries)} damaged entries of the case log are left out: {some}", "edge-run cases verify")
