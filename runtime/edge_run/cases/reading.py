"""Read cases from a log, each with its notes; an entry that is damaged is left out and named."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from edge_run.errors import UsageError

from .accession import matches
from .errors import CaseLogError, explained
from .ids import DIGITS
from .rows import decoded, last_seq, rows, sound_case, sound_note, sound_series

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from .hashing import Entry
    from .log import CaseLog
    from .rows import Row

MAX_LISTED = 5


def cases(
    log: CaseLog,
    *,
    flagged: bool = False,
    since: str = "",
    after: int = 0,
    before: int | None = None,
    newest_first: bool = False,
    series: bool = False,
    damaged: list[int] | None = None,
) -> Iterator[Entry]:
    """Read all cases, oldest first.

    Parameters
    ----------
    flagged
        Only those with a flag.
    since
        Only those from this time on, as :func:`edge_run.cases.ids.utc` writes it.
    after, before
        Only entries with numbers between these two.
    newest_first
        In the opposite order.
    series
        Answers to whole series as well, whose ``kind`` is ``series``.
    damaged
        Gets the numbers of the entries that are left out because they cannot be read.

    Yields
    ------
    Entries as they were logged, with their ``hash`` and their ``notes``, oldest first.
    """
    others = ("note", "purge", "objects") if series else ("note", "purge", "objects", "series")
    with explained(log.path, "read"):
        last = last_seq(log.connection) if before is None else before - 1
        for row in rows(log.connection, last, first=after + 1, newest_first=newest_first):
            # The order of the rows decides which end comes first; neither query knows the other end.
            if row.seq <= after or (before is not None and row.seq >= before):
                return
            case = sound_case(row.text) or (sound_series(row.text) if series else None)
            if case is None or row.hash is None:
                if damaged is not None and (decoded(row.text) or {}).get("kind") not in others:
                    damaged.append(row.seq)
            elif (case["flags"] or not flagged) and str(case["utc"]) >= since:
                yield _with_notes(log.connection, case, row.hash)


def newest(
    log: CaseLog,
    limit: int,
    *,
    flagged: bool = False,
    since: str = "",
    series: bool = False,
    damaged: list[int] | None = None,
) -> list[Entry]:
    """Read at most ``limit`` cases, the newest first; see :func:`cases`."""
    found = cases(log, flagged=flagged, since=since, series=series, newest_first=True, damaged=damaged)
    return list(islice(found, limit))


def of_scan(log: CaseLog, scan_sha256: str) -> list[Entry]:
    """Read the cases of one scan, oldest first, by the SHA-256 of its encoded bytes."""
    return [case for case in cases(log) if case["scan_sha256"] == scan_sha256]


def of_accession(log: CaseLog, accession: str) -> list[Entry]:
    """Read the cases that were logged with an accession number, oldest first."""
    return [case for case in cases(log) if matches(case.get("accession"), accession)]


def find(log: CaseLog, abbreviation: str, *, series: bool = False) -> Entry:
    """Read the case whose id begins or ends with ``abbreviation``.

    Parameters
    ----------
    series
        It may be an answer to a whole series, whose ``kind`` is ``series``.

    Raises
    ------
    UsageError
        No case or several match, or it has characters that no id has.
    CaseLogError
        The case's entry is damaged.
    """
    wanted = abbreviation.strip().lower()
    if not wanted or not set(wanted) <= set(DIGITS):
        raise UsageError(f"{abbreviation!r} is not a case id", hint="edge-run cases list")
    with explained(log.path, "read"):
        # From the index alone: no damaged entry is touched. A case comes before the notes of its id.
        found = log.connection.execute(
            "SELECT min(seq), id FROM entries INDEXED BY entries_by_id "
            "WHERE id GLOB :wanted || '*' OR id GLOB '*' || :wanted GROUP BY id ORDER BY id DESC LIMIT :limit",
            {"wanted": wanted, "limit": MAX_LISTED + 1},
        ).fetchall()
        if len(found) == 1:
            case = case_at(log, found[0][0], series=series)
            if case is None and not series and case_at(log, found[0][0], series=True):
                raise UsageError(
                    f"case {found[0][1]} is about a whole series", hint=f"edge-run cases show {found[0][1]}"
                )
            if case is None:
                raise CaseLogError(
                    f"entry {found[0][0]} of the case log {log.path} is damaged", hint="edge-run cases verify"
                )
            return case
    if not found:
        raise UsageError(f"there is no case {wanted} in {log.path}", hint="edge-run cases list")
    ids = [str(name) for _, name in found]
    more = ", ..." if len(ids) > MAX_LISTED else ""
    raise UsageError(f"several cases match {wanted}: {', '.join(ids[:MAX_LISTED])}{more}", hint="give more of the id")


def case_at(log: CaseLog, seq: int, *, series: bool = False) -> Entry | None:
    """Read the case with this number; None where there is none or its entry is damaged."""
    row = _row(log.connection, seq)
    case = sound_case(row.text) if row else None
    if case is None and series and row:
        case = sound_series(row.text)
    if case is None or row is None or row.hash is None:
        return None
    return _with_notes(log.connection, case, row.hash)


def _with_notes(connection: sqlite3.Connection, case: Entry, hashed: str) -> Entry:
    numbers = connection.execute(
        "SELECT seq FROM entries INDEXED BY entries_by_id WHERE id = ? ORDER BY seq", (case["id"],)
    )
    found = [_row(connection, seq) for (seq,) in numbers.fetchall()]
    notes = [note for note in (sound_note(row.text) for row in found if row) if note]
    return {
        **case,
        "hash": hashed,
        "notes": [{name: note[name] for name in ("utc", "label", "remark")} for note in notes],
    }


def _row(connection: sqlite3.Connection, seq: int) -> Row | None:
    return next((row for row in rows(connection, seq, first=seq) if row.seq == seq), None)
