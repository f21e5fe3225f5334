"""Open the database of a case log: to write, or to read, also on a disk that cannot be written."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from edge_run._files import make_folder

if TYPE_CHECKING:
    from collections.abc import Callable

BUSY_S = 5.0
"""How long to wait for another process that writes."""


def require_files(path: Path) -> None:
    """Refuse pipes, devices and folders in the place of the database or of what SQLite keeps beside it.

    Raises
    ------
    OSError
        One of them is there: SQLite would wait for it.
    """
    for end in ("", "-wal", "-shm", "-journal"):
        file = path.with_name(path.name + end)
        if file.exists() and not file.is_file():
            raise OSError(errno.EINVAL, f"{file.name} is a pipe, a device or a folder")


def to_write(path: Path) -> sqlite3.Connection:
    """Open a database that exists.

    Raises
    ------
    sqlite3.Error
        It cannot be opened.
    """
    return _connected(path, "mode=rw")


def to_read(path: Path) -> tuple[sqlite3.Connection, Callable[[], None]]:
    """Open a database that exists; return it with what is to be called after it is closed.

    SQLite needs to write beside a database with a write-ahead log even to read it. Where it cannot, a database without
    such a log is opened as one that never changes, and one with it is copied to a temporary folder.

    Raises
    ------
    sqlite3.Error, OSError
        It cannot be opened.
    """
    for mode in ("mode=rw", "mode=ro"):
        try:
            return _tried(_connected(path, mode)), lambda: None
        except sqlite3.OperationalError as error:
            if not any(part in str(error).lower() for part in ("unable to open", "readonly")):
                raise
    import shutil
    import tempfile

    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or not log.stat().st_size:
        return _connected(path, "mode=ro&immutable=1"), lambda: None
    folder = tempfile.TemporaryDirectory(prefix="edge-run-cases-")
    copy = Path(folder.name) / path.name
    make_folder(copy.parent)
    shutil.copyfile(path, copy)
    shutil.copyfile(log, copy.with_name(log.name))
    return _connected(copy, "mode=rw"), folder.cleanup


def _tried(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_S, isolation_level=None)
    # A damaged byte must not keep the rest from being read; hashes are of the same bytes again.
    connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    return connection
