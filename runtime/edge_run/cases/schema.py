"""The tables of a case log, and how a database becomes one."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

from .errors import AlteredCaseLogError, CaseLogError
from .hashing import GENESIS

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION = 0x65724C47
"""``PRAGMA application_id``: another program's database is not written into."""
VERSION = 1
"""``PRAGMA user_version``."""

# Columns for frequent queries are computed from the entry: there is no second copy that could differ.
TABLES = {
    "entries": """CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    entry TEXT NOT NULL,
    hash TEXT NOT NULL,
    kind TEXT AS (json_extract(entry, '$.kind')),
    id TEXT AS (json_extract(entry, '$.id')),
    utc TEXT AS (json_extract(entry, '$.utc')),
    label TEXT AS (json_extract(entry, '$.label')),
    flagged INTEGER AS (json_array_length(entry, '$.flags') > 0)
)""",
    "entries_by_id": "CREATE INDEX entries_by_id ON entries (id)",
    "head": "CREATE TABLE head (seq INTEGER NOT NULL, hash TEXT NOT NULL)",
}
WAL_TIMEOUT_S = 10.0
CHECKPOINT_PAGES = 16
"""Pages of the write-ahead log, about five cases, after which SQLite writes them into the database file."""


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Check that a database is a case log, and create the tables where it is empty.

    Raises
    ------
    CaseLogError
        It belongs to another program or a newer edge-run.
    """
    connection.execute("PRAGMA synchronous = FULL")
    # Overwrites what is deleted: purged cases must not stay readable in free pages.
    connection.execute("PRAGMA secure_delete = ON")
    if _is_new(connection, path):
        _set_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        # Another process may have created them meanwhile.
        if _is_new(connection, path):
            for statement in TABLES.values():
                connection.execute(statement)
            connection.execute("INSERT INTO head VALUES (0, ?)", (GENESIS,))
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")


def require_unchanged(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to write into a log with other tables or triggers than edge-run's: they may delete what is written.

    Raises
    ------
    AlteredCaseLogError
        The schema was changed.
    """
    _require_none(differences(connection), path)


def require_readable(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse to read from anything else than edge-run's tables: a view can go on for ever.

    Raises
    ------
    AlteredCaseLogError
        The entries or the head are no table, or another one.
    """
    found = connection.execute("SELECT type, name, sql FROM sqlite_master WHERE lower(name) IN ('entries', 'head')")
    _require_none([str(name) for kind, name, sql in found if (kind, TABLES.get(name)) != ("table", sql)], path)


def _require_none(changed: list[str], path: Path) -> None:
    if changed:
        raise AlteredCaseLogError(
            f"the tables of the case log {path} were changed: {', '.join(changed)}", hint="edge-run cases verify"
        )


def differences(connection: sqlite3.Connection) -> list[str]:
    """Name all objects of a database that a case log does not have, has otherwise, or lacks.

    Every row of the schema is compared, without any exception by name: SQLite's own objects begin with ``sqlite_``, and
    so may those that somebody wrote into the schema.
    """
    found = {(kind, name, sql) for kind, name, sql in connection.execute("SELECT type, name, sql FROM sqlite_master")}
    expected = {(sql.split()[1].lower(), name, sql) for name, sql in TABLES.items()}
    return sorted({str(name) for _, name, _ in found ^ expected})


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    application, version = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
    )
    if (application, version) == (0, 0) and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
        return True
    if application != APPLICATION:
        raise CaseLogError(f"{path} is another program's database, not a case log", hint="give another --case-log")
    if version != VERSION:
        raise CaseLogError(
            f"the case log {path} has schema version {version}, this edge-run reads {VERSION}",
            hint="use the edge-run that wrote it, or give another --case-log",
        )
    return False


def _set_wal(connection: sqlite3.Connection) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself while another process does the same."""
    until = time.monotonic() + WAL_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
