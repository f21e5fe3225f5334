"""The inbox: objects that were acknowledged, on disk and in the database, until their series is answered and gone.

An object is acknowledged after its file is written, renamed and synced, its folder synced and its row committed. What a
process that was killed left of others is swept at the next start: their sender saw no success and sends them again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import make_folder, sha256, sha256_file, sync_folder

if TYPE_CHECKING:
    from pathlib import Path

    from .database import Database
    from .identity import Identity

_FOLDER, _SUFFIX = "inbox", ".dcm"
_SYNCS = 8
_RECENT_S = 60.0
"""No object takes longer to be kept."""


class Kept(NamedTuple):
    """What became of an object that was taken.

    Attributes
    ----------
    series
        Key of its series.
    is_new
        Whether it was not there before; a second time the same bytes are acknowledged and change nothing.
    answers
        How often the series was answered before.
    """

    series: str
    is_new: bool
    answers: int


def series_key(series_uid: str) -> str:
    """Return the key of a series: a hash, so that no identifier becomes a path or a message."""
    return hashlib.sha256(f"series {series_uid}".encode()).hexdigest()[:16]


class Inbox:
    """The objects that were received.

    Parameters
    ----------
    database
        Of the node; files lie in folders beside it, one for each series.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.folder = database.folder / _FOLDER
        make_folder(self.folder)
        self._pool = ThreadPoolExecutor(_SYNCS, thread_name_prefix="node-sync")

    def keep(self, data: bytes, identity: Identity, peer: str) -> Kept:
        """Keep an object, and return once it will survive a loss of power.

        Parameters
        ----------
        data
            The whole file, with file meta information.
        peer
            Name of the sender.

        Raises
        ------
        OSError, sqlite3.Error
            It cannot be kept; nothing may be acknowledged.
        """
        key, hashed = series_key(identity.series_uid), sha256(data)
        values = (key, identity.sop_uid, hashed)
        if self._database.row("SELECT 1 FROM instances WHERE series = ? AND sop_uid = ? AND sha256 = ?", values):
            return Kept(key, is_new=False, answers=self._answers(key))
        path = self.path(key, hashed)
        _write(path, data)
        # The disk takes three syncs at once in little more than the time of one.
        syncing = [self._pool.submit(_sync_file, path), self._pool.submit(sync_folder, path.parent)]
        added = False
        try:
            added = self._insert(values, identity, len(data), peer)
        finally:
            wait(syncing)
        try:
            for one in syncing:
                one.result()
        except OSError:
            self._forget(values)
            raise
        return Kept(key, is_new=added, answers=self._answers(key))

    def _insert(self, values: tuple[str, str, str], identity: Identity, length: int, peer: str) -> bool:
        key, now = values[0], time.time()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO series (key, series_uid, study_uid, peer, modality, state, first_at, changed_at)"
                " VALUES (?, ?, ?, ?, ?, 'receiving', ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, identity.series_uid, identity.study_uid, peer, identity.modality, now, now),
            )
            added = connection.execute(
                "INSERT OR IGNORE INTO instances (series, sop_uid, sha256, sop_class, bytes, received_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*values, identity.sop_class, length, now),
            ).rowcount
            if added:
                connection.execute(
                    "UPDATE series SET state = 'receiving', slices = slices + 1, changed_at = ?, peer = ?"
                    " WHERE key = ?",
                    (now, peer, key),
                )
        return bool(added)

    def _answers(self, series: str) -> int:
        row = self._database.row("SELECT version FROM series WHERE key = ?", (series,))
        return int(row["version"]) if row else 0

    def _forget(self, values: tuple[str, str, str]) -> None:
        """Delete the row of an object that was not acknowledged."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM instances WHERE series = ? AND sop_uid = ? AND sha256 = ?", values)
            connection.execute("UPDATE series SET slices = slices - 1 WHERE key = ?", values[:1])

    def path(self, series: str, hashed: str) -> Path:
        """Where an object's file is."""
        return self.folder / series / f"{hashed}{_SUFFIX}"

    def paths(self, series: str) -> list[Path]:
        """Files of a series, in the order of their hashes."""
        rows = self._database.rows("SELECT sha256 FROM instances WHERE series = ? ORDER BY sha256", (series,))
        return list(dict.fromkeys(self.path(series, row["sha256"]) for row in rows))

    def conflicts(self, series: str) -> int:
        """Count instances of a series that came twice with different content under one UID."""
        row = self._database.row(
            "SELECT count(*) AS n FROM (SELECT 1 FROM instances WHERE series = ? GROUP BY sop_uid HAVING count(*) > 1)",
            (series,),
        )
        return int(row["n"]) if row else 0

    def waiting(self) -> int:
        """Count the series that are not answered yet."""
        row = self._database.row("SELECT count(*) AS n FROM series WHERE state = 'receiving'")
        return int(row["n"]) if row else 0

    def remove(self, series: str) -> None:
        """Delete a series' files; its rows are the caller's."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.folder / series)

    def sweep(self) -> int:
        """Delete what a process that was killed left of objects that it did not acknowledge, and return how many.

        That is a file without a row; or a row without its file, or with another, among the last that were received:
        a loss of power may have kept the one and not the other.
        """
        swept = 0
        latest = "SELECT max(received_at) - ? FROM instances"
        for row in self._database.rows(f"SELECT * FROM instances WHERE received_at >= ({latest})", (_RECENT_S,)):  # noqa: S608 - above
            path = self.path(row["series"], row["sha256"])
            if not path.exists() or sha256_file(path) != row["sha256"]:
                self._forget((row["series"], row["sop_uid"], row["sha256"]))
                swept += 1
        known = {(row["series"], row["sha256"]) for row in self._database.rows("SELECT series, sha256 FROM instances")}
        for folder in [one for one in self.folder.iterdir() if one.is_dir()]:
            for file in list(folder.iterdir()):
                if (folder.name, file.name.removesuffix(_SUFFIX)) not in known:
                    file.unlink(missing_ok=True)
                    swept += 1
            with suppress(OSError):
                folder.rmdir()
        return swept

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _write(path: Path, data: bytes) -> None:
    """Write a file under another name, and rename it; without a row nobody reads it, whatever becomes of it."""
    make_folder(path.parent)
    unfinished = path.with_suffix(f".{threading.get_ident()}.part")
    opened = os.open(unfinished, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(data)
    unfinished.replace(path)


def _sync_file(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
