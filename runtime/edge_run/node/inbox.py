"""The inbox: objects that were acknowledged, on disk and in the database, until their series is answered and gone.

An object is acknowledged after its file is synced, renamed and its row committed. What a process that was killed left
between the two is a file without a row: its sender saw no success and sends it again.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import make_folder, replace_file, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from .database import Database
    from .identity import Identity

_FOLDER = "inbox"


class Kept(NamedTuple):
    """What became of an object that was taken.

    Attributes
    ----------
    series
        Key of its series.
    is_new
        Whether it was not there before; a second time the same bytes are acknowledged and change nothing.
    """

    series: str
    is_new: bool


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
            return Kept(key, is_new=False)
        replace_file(self.path(key, hashed), data)
        now = time.time()
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO series (key, series_uid, study_uid, peer, modality, state, first_at, changed_at)"
                " VALUES (?, ?, ?, ?, ?, 'receiving', ?, ?) ON CONFLICT (key) DO NOTHING",
                (key, identity.series_uid, identity.study_uid, peer, identity.modality, now, now),
            )
            added = connection.execute(
                "INSERT OR IGNORE INTO instances (series, sop_uid, sha256, sop_class, bytes, received_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (*values, identity.sop_class, len(data), now),
            ).rowcount
            if added:
                connection.execute(
                    "UPDATE series SET state = 'receiving', slices = slices + 1, changed_at = ?, peer = ?"
                    " WHERE key = ?",
                    (now, peer, key),
                )
        return Kept(key, is_new=bool(added))

    def path(self, series: str, hashed: str) -> Path:
        """Where an object's file is."""
        return self.folder / series / f"{hashed}.dcm"

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
        """Delete files that were never acknowledged, left by a process that was killed, and return how many."""
        known = {(row["series"], row["sha256"]) for row in self._database.rows("SELECT series, sha256 FROM instances")}
        swept = 0
        for folder in [one for one in self.folder.iterdir() if one.is_dir()]:
            for file in list(folder.iterdir()):
                if (folder.name, file.stem) not in known:
                    file.unlink(missing_ok=True)
                    swept += 1
            with suppress(OSError):
                folder.rmdir()
        return swept
