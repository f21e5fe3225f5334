"""The head of a log, kept in a file of its own so that a lost tail of the database is detected.

SQLite's write-ahead log may get lost (a copy of the database file alone, a clean-up of ``*-wal``); the database is then
intact and older. ``<log>.head`` holds the number and the hash of the newest entry. It is written after each commit and
not synced: it may be older than the database after a loss of power, never newer.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files.read import beginning

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

_LINE = re.compile(rb"(\d{1,19}) ([0-9a-f]{64})\n")


class Head(NamedTuple):
    """The number and the hash of an entry."""

    seq: int
    hash: str


def is_head(seq: object, hashed: object) -> bool:
    """Whether two values of a database are the number and the hash of an entry."""
    return isinstance(seq, int) and isinstance(hashed, str) and _LINE.match(f"{seq} {hashed}\n".encode()) is not None


def head_path(log: Path) -> Path:
    """Return the path of a log's head file."""
    return log.with_name(f"{log.name}.head")


def read_head(log: Path) -> Head | None:
    """Read the head file; None where there is none or it is damaged."""
    found = _LINE.match(beginning(head_path(log), 256))
    return Head(int(found[1]), found[2].decode()) if found else None


def write_head(log: Path, head: Head) -> None:
    """Write the head file in place; it is no reason to fail where that does not work."""
    with suppress(OSError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        opened = os.open(head_path(log), flags, 0o600)
        try:
            # One write of less than a disk's block: a reader sees the old line or the new one.
            os.pwrite(opened, f"{head.seq} {head.hash}\n".encode(), 0)
        finally:
            os.close(opened)


def follows(connection: sqlite3.Connection, kept: Head) -> bool:
    """Whether a database still has the entry of a head that was kept, or has purged it."""
    row = connection.execute("SELECT hash FROM entries WHERE seq = ?", (kept.seq,)).fetchone()
    if row is not None:
        return bool(row[0] == kept.hash)
    last = connection.execute("SELECT max(seq) FROM entries").fetchone()[0]
    return kept.seq < (last or 0)
