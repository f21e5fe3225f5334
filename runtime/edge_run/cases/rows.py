"""Read the entries of a database that may be damaged."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypedDict

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .hashing import Entry


_OLDEST_FIRST = "SELECT seq, entry, hash FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_NEWEST_FIRST = "SELECT seq, entry, hash FROM entries WHERE seq < ? ORDER BY seq DESC LIMIT ?"


class Row(NamedTuple):
    """One row of the entries.

    Attributes
    ----------
    text, hash
        None where SQLite cannot read the row, or it is not text.
    """

    seq: int
    text: str | None
    hash: str | None


class _Flag(TypedDict):
    name: str
    reason: str


class _Case(TypedDict):
    """The fields of a case that its readers rely on."""

    seq: int
    id: str
    utc: str
    label: str
    probability: float
    probabilities: dict[str, float]
    interval: tuple[float, float] | None
    flags: list[_Flag]
    members: list[dict[str, object]]
    measures: dict[str, float]
    bundle: str
    bundle_sha256: str
    precision: str
    backend: str
    version: str
    scan_sha256: str
    steps: list[str]
    timing_ms: dict[str, float]
    kept_image: str | None


class _Series(TypedDict):
    """The fields of an answer to a series that its readers rely on."""

    id: str
    utc: str
    finding: str
    positive: str
    label: str | None
    probability: float | None
    interval: tuple[float, float] | None
    flags: list[_Flag]
    failure: str
    slices: int
    unreadable: int
    answer_version: int
    bundle: str
    bundle_sha256: str
    precision: str
    backend: str
    version: str


class _Note(TypedDict):
    id: str
    utc: str
    label: str | None
    remark: str


def rows(connection: sqlite3.Connection, last: int, *, first: int = 1, newest_first: bool = False) -> Iterator[Row]:
    """Yield the entries from ``first`` to ``last`` in order, and go on behind each that SQLite cannot read.

    Entries with higher numbers than ``last`` are yielded too where nothing is damaged.

    Raises
    ------
    sqlite3.Error
        Something else than damage, a lock for instance, or the table is missing.
    """
    step, query = (-1, _NEWEST_FIRST) if newest_first else (1, _OLDEST_FIRST)
    at = last + 1 if newest_first else first - 1
    # One entry alone is asked for by its number, so that nothing behind it is read.
    limit = 1 if first == last and not newest_first else -1
    while True:
        try:
            for seq, text, hashed in connection.execute(query, (at, limit)):
                at = min(at, seq) if newest_first else max(at, seq)
                yield Row(seq, text if isinstance(text, str) else None, hashed if isinstance(hashed, str) else None)
        except sqlite3.DatabaseError as error:
            at += step
            if not is_damage(error):
                raise
            if not first <= at <= last:
                return
            yield Row(at, None, None)
        else:
            return


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error is about damaged content, and not about locks, missing tables or the disk."""
    text = str(error).lower()
    return any(part in text for part in ("malformed", "not a database", "corrupt"))


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the number of the last entry, as far as the database says."""
    found = [0]
    for query in ("SELECT max(seq) FROM head", "SELECT max(seq) FROM entries"):
        with suppress(sqlite3.DatabaseError):
            (seq,) = connection.execute(query).fetchone()
            found.append(seq if isinstance(seq, int) else 0)
    return max(found)


def decoded(text: str | None) -> Entry | None:
    """Decode an entry; None where it is not a JSON object."""
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None


def sound_case(text: str | None) -> Entry | None:
    """Decode a case; None where it is something else or one of its fields is missing or of another type.

    In logs from before members had ids, a member's id is its network's name.
    """
    case = _sound(text, "case", _Case)
    if case is None:
        return None
    members = [{"id": member.get("arch"), **member} for member in case["members"]]
    return {**case, "members": members}


def sound_series(text: str | None) -> Entry | None:
    """Decode an answer to a series, as :func:`sound_case`."""
    return _sound(text, "series", _Series)


def sound_note(text: str | None) -> Entry | None:
    """Decode a note, as :func:`sound_case`."""
    return _sound(text, "note", _Note)


def _sound(text: str | None, kind: str, form: type) -> Entry | None:
    entry = decoded(text)
    if entry is None or entry.get("kind") != kind:
        return None
    try:
        msgspec.convert(entry, form)
    except msgspec.ValidationError:
        return None
    return entry
