"""The outbox: answers that are on their way, a row for each object and destination.

An answer's objects, its place in the series and the rows of its sending are committed together, after the files are
synced. Sending is repeated until the archive has the object; the UIDs are derived from what was answered, so that an
object that is sent again replaces itself.
"""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files import make_folder, replacing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from pydicom import Dataset

    from .database import Database, Row

_FOLDER = "outbox"
QUEUED, SENT, STUCK, DELIVERED = "queued", "sent", "stuck", "delivered"
"""A row is queued; sent, where delivery is still to be confirmed; stuck, where only a person can help; delivered."""

NEVER = 1e18
RETRY_S, RETRY_MOST_S = 5.0, 3600.0
REPORT_S = 600.0
"""How long a report on storage commitment may take before it is asked for again."""
_SPREAD = 0.2


class Answered(NamedTuple):
    """What is committed about an answer.

    Attributes
    ----------
    inputs
        Hash of the hashes of the files that it is about.
    outcome
        ``present``, ``absent``, ``indeterminate`` or ``failed``.
    slices
        Instances that the series had when it was answered.
    """

    series: str
    version: int
    inputs: str
    outcome: str
    case: str
    slices: int


class Sending(NamedTuple):
    """One row that is due."""

    sop_uid: str
    sop_class: str
    path: Path
    attempts: int
    state: str
    transaction: str | None


class Outbox:
    """Objects that are to be delivered.

    Parameters
    ----------
    destinations
        Names; each object gets a row for each.
    retry_s
        Seconds until a failed delivery is tried again; doubled with each attempt.
    """

    def __init__(self, database: Database, destinations: Sequence[str], *, retry_s: float = RETRY_S) -> None:
        self._database, self._destinations, self._retry_s = database, tuple(destinations), retry_s
        self.folder = database.folder / _FOLDER
        make_folder(self.folder)

    def add(self, answered: Answered, objects: Sequence[Dataset]) -> None:
        """Keep an answer and queue its objects, all or nothing.

        Raises
        ------
        OSError, sqlite3.Error
            Nothing was kept.
        """
        now = time.time()
        files = [(dataset, self._write(dataset)) for dataset in objects]
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO answers (series, version, inputs, outcome, case_id, report_uid, answered_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    answered.series, answered.version, answered.inputs, answered.outcome, answered.case,
                    str(objects[0].SOPInstanceUID) if objects else None, now,
                ),
            )  # fmt: skip
            for dataset, name in files:
                self._insert(connection, answered, dataset, name, now)
            connection.execute(
                "UPDATE series SET version = ?, state = CASE WHEN slices = ? THEN 'answered' ELSE 'receiving' END"
                " WHERE key = ?",
                (answered.version, answered.slices, answered.series),
            )

    def due(self, destination: str, *, most: int = 64) -> list[Sending]:
        """Rows of a destination that are to be tried now, the oldest first."""
        rows = self._database.rows(
            "SELECT sop_uid, sop_class, file, attempts, outbox.state, transaction_uid FROM outbox"
            " JOIN objects USING (sop_uid) WHERE destination = ? AND outbox.state != ? AND next_at <= ?"
            " ORDER BY made_at, objects.rowid LIMIT ?",
            (destination, DELIVERED, time.time(), most),
        )
        return [
            Sending(
                row["sop_uid"],
                row["sop_class"],
                self.folder / row["file"],
                row["attempts"],
                row["state"],
                row["transaction_uid"],
            )
            for row in rows
        ]

    def next_at(self, destination: str) -> float:
        """When the next row of a destination is due; `NEVER` where none is."""
        row = self._database.row(
            "SELECT min(next_at) AS at FROM outbox WHERE destination = ? AND state != ?", (destination, DELIVERED)
        )
        return float(row["at"]) if row and row["at"] is not None else NEVER

    def delivered(self, destination: str, sop_uids: Iterable[str], status: str) -> None:
        """Note that the archive has objects."""
        self._set(destination, sop_uids, DELIVERED, NEVER, status)

    def sent(self, destination: str, sop_uids: Iterable[str], status: str) -> None:
        """Note that objects were taken, and that this is to be confirmed at once."""
        self._set(destination, sop_uids, SENT, time.time(), status)

    def asked(self, destination: str, sop_uids: Iterable[str], transaction: str) -> None:
        """Note that the archive was asked to take responsibility for objects (storage commitment)."""
        now = time.time()
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE outbox SET transaction_uid = ?, next_at = ?, status = 'commitment asked for', changed_at = ?"
                " WHERE sop_uid = ? AND destination = ?",
                [(transaction, now + REPORT_S, now, uid, destination) for uid in sop_uids],
            )

    def reported(self, transaction: str, stored: Iterable[str], failed: dict[str, str]) -> bool:
        """Take the archive's report on what it took responsibility for; False where nobody asked for it."""
        row = self._database.row("SELECT destination FROM outbox WHERE transaction_uid = ? LIMIT 1", (transaction,))
        if row is None:
            return False
        asked = {
            one["sop_uid"]
            for one in self._database.rows("SELECT sop_uid FROM outbox WHERE transaction_uid = ?", (transaction,))
        }
        self.delivered(row["destination"], asked.intersection(stored), "committed by the archive")
        for uid in asked.intersection(failed):
            self.failed(row["destination"], [uid], f"commitment refused: {failed[uid]}", permanent=False)
        return True

    def failed(self, destination: str, sop_uids: Iterable[str], status: str, *, permanent: bool) -> None:
        """Note that objects could not be delivered, and when they are tried again.

        Parameters
        ----------
        status
            What the archive said, without patient data.
        permanent
            Trying again will not help: the rows are stuck until the node is started again.
        """
        now = time.time()
        with self._database.writing() as connection:
            for uid in sop_uids:
                row = connection.execute(
                    "SELECT attempts FROM outbox WHERE sop_uid = ? AND destination = ?", (uid, destination)
                ).fetchone()
                attempts = (row["attempts"] if row else 0) + 1
                wait = min(self._retry_s * 2 ** min(attempts - 1, 20), RETRY_MOST_S)
                wait *= random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - spreads retries, hides nothing
                connection.execute(
                    "UPDATE outbox SET state = ?, attempts = ?, next_at = ?, status = ?, changed_at = ?,"
                    " transaction_uid = NULL WHERE sop_uid = ? AND destination = ?",
                    (STUCK if permanent else QUEUED, attempts, NEVER if permanent else now + wait, status, now, uid,
                     destination),
                )  # fmt: skip

    def retry_all(self) -> int:
        """Have all that is not delivered tried now, as a start does: somebody may have put it right.

        Returns
        -------
        How many rows were stuck.
        """
        now = time.time()
        with self._database.writing() as connection:
            connection.execute("UPDATE outbox SET next_at = ? WHERE state = ?", (now, QUEUED))
            return connection.execute(
                "UPDATE outbox SET state = ?, next_at = ? WHERE state = ?", (QUEUED, now, STUCK)
            ).rowcount

    def is_ours(self, sop_uid: str) -> bool:
        """Whether an object is one of this node's answers."""
        return self._database.row("SELECT 1 FROM objects WHERE sop_uid = ?", (sop_uid,)) is not None

    def last_answer(self, series: str) -> Row | None:
        """Row of the newest answer to a series; None where there is none."""
        return self._database.row("SELECT * FROM answers WHERE series = ? ORDER BY version DESC LIMIT 1", (series,))

    def remove_files(self, names: Iterable[str]) -> None:
        """Delete files of objects; their rows are the caller's."""
        for name in names:
            with suppress(FileNotFoundError):
                (self.folder / name).unlink()

    def _write(self, dataset: Dataset) -> str:
        """Write an object's file, synced, and return its name."""
        from .inbox import series_key

        # A hash: a UID in a listing of the folder would be the patient's.
        name = f"{series_key(str(dataset.SOPInstanceUID))}.dcm"
        with replacing(self.folder / name) as unfinished:
            dataset.save_as(unfinished, enforce_file_format=True)
        return name

    def _insert(
        self, connection: sqlite3.Connection, answered: Answered, dataset: Dataset, name: str, now: float
    ) -> None:
        uid = str(dataset.SOPInstanceUID)
        connection.execute(
            "INSERT OR REPLACE INTO objects (sop_uid, sop_class, series, version, file, made_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (uid, str(dataset.SOPClassUID), answered.series, answered.version, name, now),
        )
        connection.executemany(
            "INSERT OR IGNORE INTO outbox (sop_uid, destination, state, next_at, changed_at) VALUES (?, ?, ?, ?, ?)",
            [(uid, destination, QUEUED, now, now) for destination in self._destinations],
        )

    def _set(self, destination: str, sop_uids: Iterable[str], state: str, next_at: float, status: str) -> None:
        now = time.time()
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE outbox SET state = ?, next_at = ?, status = ?, changed_at = ?"
                " WHERE sop_uid = ? AND destination = ?",
                [(state, next_at, status, now, uid, destination) for uid in sop_uids],
            )
