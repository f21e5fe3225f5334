"""The queue of a review: flagged cases in order, those that nobody has noted anything about, and their neighbours."""

from __future__ import annotations

import sqlite3
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from .errors import explained
from .reading import case_at, cases
from .rows import is_damage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hashing import Entry
    from .log import CaseLog

_UNNOTED = "NOT EXISTS (SELECT 1 FROM entries AS n INDEXED BY entries_by_id WHERE n.id = e.id AND n.kind = 'note')"
_FLAGGED = "FROM entries AS e WHERE e.kind = 'case' AND e.flagged"
_END = 2**62


class QueueLength(NamedTuple):
    """How many cases are flagged, and how many of them have no note."""

    flagged: int
    waiting: int


def length(log: CaseLog) -> QueueLength:
    """Count the flagged cases.

    Raises
    ------
    CaseLogError
        The log cannot be read.
    """
    with explained(log.path, "read"):
        try:
            query = f"SELECT count(*), total({_UNNOTED}) {_FLAGGED}"
            flagged, waiting = log.connection.execute(query).fetchone()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            found = [bool(case["notes"]) for case in cases(log, flagged=True)]
            flagged, waiting = len(found), found.count(False)
    return QueueLength(int(flagged), int(waiting))


def older(log: CaseLog, before: int = _END, *, limit: int, waiting: bool = False) -> list[Entry]:
    """Read flagged cases, the newest first.

    Parameters
    ----------
    before
        Only entries with a lower number than this.
    limit
        At most so many.
    waiting
        Only cases without a note.

    Raises
    ------
    CaseLogError
        The log cannot be read.
    """
    return _queue(log, before, limit=limit, waiting=waiting, newest_first=True)


def newer(log: CaseLog, after: int, *, limit: int, waiting: bool = False) -> list[Entry]:
    """Read flagged cases with higher numbers than ``after``, the oldest of them first; see :func:`older`."""
    return _queue(log, after, limit=limit, waiting=waiting, newest_first=False)


def _queue(log: CaseLog, border: int, *, limit: int, waiting: bool, newest_first: bool) -> list[Entry]:
    with explained(log.path, "read"):
        try:
            return _by_number(log, border, limit=limit, waiting=waiting, newest_first=newest_first)
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        # A damaged entry stops SQLite's own search; this one goes on behind it.
        found = _one_by_one(log, border, waiting=waiting, newest_first=newest_first)
        return list(islice(found, limit))


def _by_number(log: CaseLog, border: int, *, limit: int, waiting: bool, newest_first: bool) -> list[Entry]:
    side, order = ("<", "DESC") if newest_first else (">", "ASC")
    also = f"AND {_UNNOTED}" if waiting else ""
    query = f"SELECT seq {_FLAGGED} AND e.seq {side} ? {also} ORDER BY e.seq {order} LIMIT ?"
    numbers = [seq for (seq,) in log.connection.execute(query, (border, limit)).fetchall()]
    found = [case_at(log, seq) for seq in numbers]
    return [case for case in found if case is not None]


def _one_by_one(log: CaseLog, border: int, *, waiting: bool, newest_first: bool) -> Iterator[Entry]:
    after, before = (0, border) if newest_first else (border, None)
    for case in cases(log, flagged=True, after=after, before=before, newest_first=newest_first):
        if not (waiting and case["notes"]):
            yield case
