"""Copy a log while others write it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from edge_run._files import make_folder, replacing
from edge_run.errors import UsageError

from .errors import explained
from .head import write_head
from .location import images_folder
from .log import CaseLog

if TYPE_CHECKING:
    from pathlib import Path


def backup(log: CaseLog, target: Path) -> int:
    """Copy a log with its head and its images to a new place.

    A copy of the database file alone may lack the newest cases, which lie in SQLite's write-ahead log; this one has all
    that were acknowledged when it began. It is one file for this user alone, and a case log like any other.

    Returns
    -------
    How many entries it has.

    Raises
    ------
    UsageError
        ``target`` exists.
    CaseLogError
        The log cannot be read, or the copy cannot be written.
    """
    import shutil

    if target.exists():
        raise UsageError(f"{target} exists already", hint="give another file, or remove it")
    with explained(target, "written"), replacing(target) as unfinished:
        copy = sqlite3.connect(unfinished, isolation_level=None)
        try:
            log.connection.backup(copy)
            # One file that is complete by itself, without a write-ahead log.
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
    with CaseLog.existing(target) as made:
        head = made.head()
    with explained(target, "written"):
        if log.images.is_dir():
            make_folder(images_folder(target))
            for path in log.images.iterdir():
                shutil.copy2(path, images_folder(target))
    write_head(target, head)
    return head.seq
