"""Cases out of a log, each with the notes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_run.errors import UsageError

from .errors import CaseLogError, explained
from .ids import DIGITS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from .hashing import Entry
    from .log import CaseLog

AMBIGUOUS = 5
_ROW = "SELECT entry, hash FROM entries WHERE kind = 'case'"
_FLAGGED = " AND (flagged OR NOT :flagged) AND utc >= :since"


def cases(log: CaseLog, *, flagged: bool = False, since: str = "") -> Iterator[Entry]:
    """All cases, oldest first.

    Parameters
    ----------
    flagged
        Only those with a flag.
    since
        Only those from this time on, as :func:`edge_run.cases.ids.utc` writes it.

    Yields
    ------
    Entries as they were logged, with their ``hash``, and ``notes``: what was noted about the case, oldest first.
    """
    with explained(log.path, "read"):
        chosen = log.connection.execute(f"{_ROW}{_FLAGGED} ORDER BY seq", {"flagged": flagged, "since": since})
        for row in chosen:
            yield _with_notes(log.connection, row)


def newest(log: CaseLog, limit: int, *, flagged: bool = False, since: str = "") -> list[Entry]:
    """At most ``limit`` cases, the newest first."""
    with explained(log.path, "read"):
        chosen = log.connection.execute(
            f"{_ROW}{_FLAGGED} ORDER BY seq DESC LIMIT :limit", {"flagged": flagged, "since": since, "limit": limit}
        )
        return [_with_notes(log.connection, row) for row in chosen.fetchall()]


def find(log: CaseLog, abbreviation: str) -> Entry:
    """The case whose id begins or ends like this.

    Raises
    ------
    UsageError
        None does, or several.
    """
    asked = abbreviation.strip().lower()
    if not asked or not set(asked) <= set(DIGITS):
        raise UsageError(f"{abbreviation!r} is no case id", hint="edge-run cases list")
    with explained(log.path, "read"):
        rows = log.connection.execute(
            f"{_ROW} AND (id GLOB :asked || '*' OR id GLOB '*' || :asked) ORDER BY seq DESC LIMIT :limit",
            {"asked": asked, "limit": AMBIGUOUS + 1},
        ).fetchall()
        if len(rows) == 1:
            return _with_notes(log.connection, rows[0])
    if not rows:
        raise UsageError(f"there is no case {asked} in {log.path}", hint="edge-run cases list")
    ids = [str(_decode(row[0])["id"]) for row in rows]
    more = ", ..." if len(ids) > AMBIGUOUS else ""
    raise UsageError(
        f"several cases are called {asked}: {', '.join(ids[:AMBIGUOUS])}{more}", hint="give more of the id"
    )


def _with_notes(connection: sqlite3.Connection, row: tuple[str, str]) -> Entry:
    case = _decode(row[0])
    notes = connection.execute(
        "SELECT entry FROM entries WHERE id = ? AND kind = 'note' ORDER BY seq", (case["id"],)
    ).fetchall()
    said = [{name: note[name] for name in ("utc", "label", "remark")} for note in (_decode(text) for (text,) in notes)]
    return {**case, "hash": row[1], "notes": said}


def _decode(text: str) -> Entry:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise CaseLogError(f"an entry of the case log is damaged: {error}", hint="edge-run cases verify") from error
