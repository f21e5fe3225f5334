"""The case log as a database: open, append, read."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from edge_run._files import sweep_unfinished

from . import images, opening
from .accession import salted
from .errors import CaseLogError, MissingCaseLogError, explained
from .hashing import Entry, link, write
from .head import Head, follows, is_head, read_head, write_head
from .ids import greatest_id, new_id, now_ms, utc
from .location import VARIABLE, default_path, images_folder, make_private
from .schema import prepare, require_readable, require_unchanged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from edge_run.voting.prediction import Prediction


class CaseLog:
    """A log of answered cases in a hash chain.

    Several processes may have it open at once; each uses it from one thread.

    Attributes
    ----------
    path
        The database.
    keep_images
        Whether `append` stores the images.
    connection
        SQLite's, for the other modules of this package.
    """

    def __init__(self, path: Path, *, keep_images: bool = False, create: bool = True, write: bool = True) -> None:
        self.path, self.keep_images = path, keep_images
        self._after_close: Callable[[], None] = lambda: None
        # Whether the next write waits for a process that holds the log; not again after it has waited in vain.
        self._patient = True
        with explained(path, "opened"):
            if create:
                make_private(path)
            elif not path.exists():
                raise MissingCaseLogError(
                    f"there is no case log at {path}",
                    hint="edge-run predict writes it; or give the right --case-log",
                )
            opening.require_files(path)
            if write:
                self.connection = opening.to_write(path)
            else:
                self.connection, self._after_close = opening.to_read(path)
            try:
                prepare(self.connection, path)
                (require_unchanged if write else require_readable)(self.connection, path)
            except BaseException:
                self.connection.close()
                self._after_close()
                raise
        if keep_images:
            sweep_unfinished(self.images)

    @classmethod
    def open(cls, path: Path | None = None, keep_images: bool = False) -> Self:
        """Open a log, and create it where there is none.

        Parameters
        ----------
        path
            :func:`default_path` by default.
        keep_images
            Store the images that are passed to `append`, in a folder beside the database.

        Raises
        ------
        CaseLogError
            It cannot be created, or is not a case log.
        """
        return cls(_resolve(path), keep_images=keep_images)

    @classmethod
    def existing(cls, path: Path | None = None, *, write: bool = False) -> Self:
        """Open a log that exists, to read it, also on a disk that cannot be written.

        Parameters
        ----------
        write
            To add notes or to purge.

        Raises
        ------
        MissingCaseLogError
            There is none.
        CaseLogError
            It cannot be opened, or is not a case log.
        """
        return cls(_resolve(path), create=False, write=write)

    @property
    def images(self) -> Path:
        """Folder of the images that are stored."""
        return images_folder(self.path)

    def append(
        self, prediction: Prediction, image: bytes | None = None, *, accession: str = "", request: str = ""
    ) -> str:
        """Log an answer.

        The input's name is never stored, and ``image`` only with ``keep_images``.

        Parameters
        ----------
        image
            The encoded scan.
        accession
            The examination's accession number, which is stored as a salted hash; empty: none.
        request
            Hash of the key by which a client asks again for the same answer; empty: none.

        Returns
        -------
        The case's id, once the entry will survive a loss of power.

        Raises
        ------
        CaseLogError
            Nothing was logged.
        """
        with self.writing():
            ms = now_ms()
            case_id = new_id(ms, greatest_id(self.connection))
            asked: Entry = {"accession": salted(accession)} if accession else {}
            if request:
                asked["request"] = request
            kept = images.keep(self.images, image) if self.keep_images and image is not None else None
            self.add({"kind": "case", "id": case_id, "utc": utc(ms), **_facts(prediction), "kept_image": kept, **asked})
        return case_id

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction as the only writer: all that the block does is kept, or nothing after an error."""
        with explained(self.path, "written"):
            self._begin()
            try:
                before = self.head()
                yield
                after = self.head()
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK")
                raise
        self._keep_head(before, after)

    def try_writing(self) -> None:
        """Begin to write an entry, and take it back.

        Raises
        ------
        CaseLogError
            The log cannot be written.
        """
        with explained(self.path, "written"):
            self._begin()
            try:
                self.connection.execute("UPDATE head SET seq = seq")
            finally:
                self.connection.execute("ROLLBACK")

    def _begin(self) -> None:
        """Wait for other writers `opening.BUSY_S` at most, and not again while the same one holds the log."""
        wait_ms = int(opening.BUSY_S * 1000) if self._patient else 0
        self.connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
        self._patient = False
        self.connection.execute("BEGIN IMMEDIATE")
        self._patient = True

    def _keep_head(self, before: Head, after: Head) -> None:
        """Write the head file, unless the one that is there names an entry that this database does not have."""
        kept = read_head(self.path)
        with explained(self.path, "read"):
            if kept is None or kept == before or (kept.seq <= after.seq and follows(self.connection, kept)):
                write_head(self.path, after)

    def head(self) -> Head:
        """Return the number and the hash of the last entry.

        Raises
        ------
        CaseLogError
            The row that holds them is missing or damaged.
        """
        found = self.connection.execute("SELECT seq, hash FROM head").fetchall()
        if len(found) != 1 or not is_head(*found[0]):
            raise CaseLogError(f"the case log {self.path} has no head: it was altered", hint="edge-run cases verify")
        return Head(*found[0])

    def checkpoint(self) -> None:
        """Write the newest entries from the write-ahead log into the database file, without waiting for anybody.

        SQLite does so by itself every few entries; a copy of the database file alone is complete after this.
        """
        with explained(self.path, "written"):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Open a transaction that sees one state of the log, whatever others append meanwhile."""
        with explained(self.path, "read"):
            self.connection.execute("BEGIN")
            try:
                yield
            finally:
                self.connection.execute("ROLLBACK")

    def add(self, entry: Entry) -> None:
        """Append an entry to the chain; only within `writing`."""
        previous = self.head()
        seq = previous.seq + 1
        text = write({"seq": seq, **entry})
        hashed = link(previous.hash, text)
        self.connection.execute("INSERT INTO entries (seq, entry, hash) VALUES (?, ?, ?)", (seq, text, hashed))
        self.connection.execute("UPDATE head SET seq = ?, hash = ?", (seq, hashed))

    def close(self) -> None:
        """Close the database."""
        with explained(self.path, "closed"):
            self.connection.close()
        self._after_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _resolve(path: Path | None) -> Path:
    found = path or default_path()
    if found is None:
        raise CaseLogError("this user has no home folder for a case log", hint=f"give --case-log, or set {VARIABLE}")
    return found


def _facts(prediction: Prediction) -> Entry:
    """Select what is logged of a prediction, field by field, so that no new field is logged by accident."""
    record = prediction.to_dict()
    logged = (
        "label", "probability", "probabilities", "interval", "flags", "members", "measures", "bundle", "bundle_sha256",
        "bundle_parent_sha256", "precision", "backend", "skipped_backends", "version", "scan_sha256", "steps",
    )  # fmt: skip
    return {**{name: record[name] for name in logged}, "timing_ms": prediction.timing_ms}
