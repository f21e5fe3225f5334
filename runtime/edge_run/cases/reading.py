"""Read cases from a log, each with its notes."""

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

MAX_LISTED = 5
_ROW = "SELECT entry, hash FROM entries WHERE kind = 'case'"
_FLAGGED = " AND (flagged OR NOT :flagged) AND utc >= :since"


def cases(log: CaseLog, *, flagged: bool = False, since: str = "") -> Iterator[Entry]:
    """Read all cases, oldest first.

    Parameters
    ----------
    flagged
        Only those with a flag.
    since
        Only those from this time on, as :func:`edge_run.cases.ids.utc` writes it.

    Yields
    ------
    Entries as they were logged, with their ``hash`` and their ``notes``, oldest first.
    """
    with explained(log.path, "read"):
        chosen = log.connection.execute(f"{_ROW}{_FLAGGED} ORDER BY seq", {"flagged": flagged, "since": since})
        for row in chosen:
            yield _with_notes(log.connection, row)


def newest(log: CaseLog, limit: int, *, flagged: bool = False, since: str = "") -> list[Entry]:
    """Read at most ``limit`` cases, the newest first."""
    with explained(log.path, "read"):
        chosen = log.connection.execute(
            f"{_ROW}{_FLAGGED} ORDER BY seq DESC LIMIT :limit", {"flagged": flagged, "since": since, "limit": limit}
        )
        return [_with_notes(log.connection, row) for row in chosen.fetchall()]


def find(log: CaseLog, abbreviation: str) -> Entry:
    """Read the case whose id begins or ends with ``abbreviation``.

    Raises
    ------
    UsageError
        No case or several match, or it has characters that no id has.
    """
    wanted = abbreviation.strip().lower()
    if not wanted or not set(wanted) <= set(DIGITS):
        raise UsageError(f"{abbreviation!r} is not a case id", hint="edge-run cases list")
    with explained(log.path, "read"):
        rows = log.connection.execute(
            f"{_ROW} AND (id GLOB :wanted || '*' OR id GLOB '*' || :wanted) ORDER BY seq DESC LIMIT :limit",
            {"wanted": wanted, "limit": MAX_LISTED + 1},
        ).fetchall()
        if len(rows) == 1:
            return _with_notes(log.connection, rows[0])
    if not rows:
        raise UsageError(f"there is no case {wanted} in {log.path}", hint="edge-run cases list")
    ids = [str(_decode(row[0])["id"]) for row in rows]
    more = ", ..." if len(ids) > MAX_LISTED else ""
    raise UsageError(f"several cases match {wanted}: {', '.join(ids[:MAX_LISTED])}{more}", hint="give more of the id")


def _with_notes(connection: sqlite3.Connection, row: tuple[str, str]) -> Entry:
    case = _decode(row[0])
    notes = connection.execute(
        "SELECT entry FROM entries WHERE id = ? AND kind = 'note' ORDER BY seq", (case["id"],)
    ).fetchall()
    selected = [
        {name: note[name] for name in ("utc", "label", "remark")} for note in (_decode(text) for (text,) in notes)
    ]
    return {**case, "hash": row[1], "notes": selected}


def _decode(text: str) -> Entry:
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise CaseLogError(f"an entry of the case log is damaged: {error}", hint="edge-run cases verify") from error
