"""The database of a node: what was received, what was answered, and what is still to be sent.

One SQLite file for all, so that an answer and the rows of its sending are committed together. Every commit is synced
(write-ahead log, ``synchronous=FULL``): an acknowledged slice survives a loss of power.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_run._files import make_folder, sync_folder
from edge_run.errors import EdgeRunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from typing_extensions import Self

    Row = sqlite3.Row

FILE, _LOCK = "node.sqlite", "node.lock"
_VERSION = 1
_BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE series (
    key TEXT PRIMARY KEY, series_uid TEXT NOT NULL, study_uid TEXT NOT NULL, peer TEXT NOT NULL, modality TEXT NOT NULL,
    state TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, slices INTEGER NOT NULL DEFAULT 0,
    first_at REAL NOT NULL, changed_at REAL NOT NULL
);
CREATE INDEX series_state ON series (state);
CREATE TABLE instances (
    sop_uid TEXT NOT NULL, sha256 TEXT NOT NULL, sop_class TEXT NOT NULL, series TEXT NOT NULL REFERENCES series (key),
    bytes INTEGER NOT NULL, received_at REAL NOT NULL, PRIMARY KEY (series, sop_uid, sha256)
) WITHOUT ROWID;
CREATE TABLE answers (
    series TEXT NOT NULL, version INTEGER NOT NULL, inputs TEXT NOT NULL, outcome TEXT NOT NULL, case_id TEXT,
    report_uid TEXT, answered_at REAL NOT NULL, PRIMARY KEY (series, version)
);
CREATE TABLE objects (
    sop_uid TEXT PRIMARY KEY, sop_class TEXT NOT NULL, series TEXT NOT NULL, version INTEGER NOT NULL,
    file TEXT NOT NULL, made_at REAL NOT NULL
);
CREATE TABLE outbox (
    sop_uid TEXT NOT NULL REFERENCES objects (sop_uid), destination TEXT NOT NULL, state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL, status TEXT NOT NULL DEFAULT '',
    changed_at REAL NOT NULL, transaction_uid TEXT, PRIMARY KEY (sop_uid, destination)
);
CREATE INDEX outbox_due ON outbox (destination, state, next_at);
CREATE INDEX outbox_transaction ON outbox (transaction_uid);
"""


class NodeError(EdgeRunError):
    """Inbox or outbox cannot be opened, read or written."""


class Database:
    """The database of one node, shared by its threads.

    Parameters
    ----------
    folder
        Of the node; made where it is missing, for this user alone.

    Raises
    ------
    NodeError
        It cannot be opened, or is something else.
    """

    def __init__(self, folder: Path, *, create: bool = True) -> None:
        self.folder, self.path = folder, folder / FILE
        self._lock = threading.RLock()
        if not create and not self.path.exists():
            raise NodeError(f"no node has run with the folder {folder}", hint="edge-run node starts one; or --folder")
        self._held: int | None = None
        try:
            if create:
                self._make()
                self._hold()
            self._connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={'rw' if create else 'ro'}",
                uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False,
            )  # fmt: skip
            self._connection.row_factory = sqlite3.Row
            self._prepare(create=create)
        except (sqlite3.Error, OSError) as error:
            raise NodeError(f"{self.path} cannot be opened: {error}", hint="check the folder and its disk") from error

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row of a query; None where there is none."""
        with self._lock:
            found: Row | None = self._connection.execute(statement, values).fetchone()
            return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction: all that the block does is on the disk when it ends, or nothing after an error.

        Raises
        ------
        sqlite3.Error
            It cannot be written.
        """
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close it, and let another node use the folder."""
        with self._lock:
            self._connection.close()
            if self._held is not None:
                os.close(self._held)
                self._held = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _make(self) -> None:
        make_folder(self.folder)
        self.folder.chmod(0o700)
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        sync_folder(self.folder)

    def _hold(self) -> None:
        """Keep other nodes out of the folder: two would answer every series twice."""
        held = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(held)
            raise NodeError(
                f"another node uses the folder {self.folder}", hint="stop it first, or give --folder"
            ) from error
        self._held = held

    def _prepare(self, *, create: bool) -> None:
        version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if create:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            # What was deleted is patient data.
            self._connection.execute("PRAGMA secure_delete = ON")
            if version == 0:
                self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
                version = _VERSION
        if version != _VERSION:
            raise UsageError(
                f"{self.path} is of another version of edge-run (schema {version})", hint="give another --folder"
            )
