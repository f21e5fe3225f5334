"""The case log as a database: open, append, read."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from . import images
from .errors import CaseLogError, explained
from .hashing import Entry, link, write
from .ids import new_id, now_ms, utc
from .location import VARIABLE, default_path, images_folder, make_private
from .schema import prepare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from edge_run.voting.prediction import Prediction

BUSY_S = 5.0
"""How long to wait for another process that writes."""


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

    def __init__(self, path: Path, *, keep_images: bool = False, create: bool = True) -> None:
        self.path, self.keep_images = path, keep_images
        with explained(path, "opened"):
            if create:
                make_private(path)
            elif not path.exists():
                raise CaseLogError(
                    f"there is no case log at {path}",
                    hint="edge-run predict writes it; or give the right --case-log",
                )
            self.connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_S, isolation_level=None
            )
            try:
                prepare(self.connection, path)
            except BaseException:
                self.connection.close()
                raise

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
    def existing(cls, path: Path | None = None) -> Self:
        """Open a log that exists; :class:`CaseLogError` where there is none."""
        return cls(_resolve(path), create=False)

    @property
    def images(self) -> Path:
        """Folder of the images that are stored."""
        return images_folder(self.path)

    def append(self, prediction: Prediction, image: bytes | None = None) -> str:
        """Log an answer.

        The input's name is never stored, and ``image`` only with ``keep_images``.

        Parameters
        ----------
        image
            The encoded scan.

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
            last = self.connection.execute("SELECT max(id) FROM entries").fetchone()[0]
            case_id = new_id(ms, last)
            kept = images.keep(self.images, image) if self.keep_images and image is not None else None
            self.add({"kind": "case", "id": case_id, "utc": utc(ms), **_facts(prediction), "kept_image": kept})
        return case_id

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Open a transaction as the only writer: all that the block does is kept, or nothing after an error."""
        with explained(self.path, "written"):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:
                    with suppress(sqlite3.Error):
                        self.connection.execute("ROLLBACK")
                raise

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
        before, previous = self.connection.execute("SELECT seq, hash FROM head").fetchone()
        seq = before + 1
        text = write({"seq": seq, **entry})
        hashed = link(previous, text)
        self.connection.execute("INSERT INTO entries (seq, entry, hash) VALUES (?, ?, ?)", (seq, text, hashed))
        self.connection.execute("UPDATE head SET seq = ?, hash = ?", (seq, hashed))

    def close(self) -> None:
        """Close the database."""
        with explained(self.path, "closed"):
            self.connection.close()

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
        "precision", "backend", "skipped_backends", "version", "scan_sha256", "steps",
    )  # fmt: skip
    return {**{name: record[name] for name in logged}, "timing_ms": prediction.timing_ms}
