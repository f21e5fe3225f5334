"""Errors of the case log: what SQLite and the system report, in plain words."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from edge_run.errors import EdgeRunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class CaseLogError(EdgeRunError):
    """The case log cannot be opened, read or written."""

    exit_code = 1


class AlteredCaseLogError(CaseLogError):
    """The tables of the case log are not those that edge-run made."""


class MissingCaseLogError(CaseLogError):
    """There is no case log at this path yet."""


FULL = "free some space, or give a --case-log on another disk"
RIGHTS = "check the rights of the file and its folder, or give another --case-log"
DAMAGED = "move the file aside with its -wal and -shm: the next prediction begins a new log"

# SQLite's codes reach Python's exceptions from 3.11 on; its texts always did.
REASONS = {
    "full": ("the disk is full", FULL),
    "readonly": ("it may not be written by this user", RIGHTS),
    "unable to open": ("the file or its folder cannot be opened", RIGHTS),
    "locked": ("another process holds it", "wait until it has finished, then run the command again"),
    "not a database": ("the file is not a case log", "give another --case-log"),
    "malformed": ("the file is damaged", DAMAGED),
    "constraint": ("its entries contradict each other", "edge-run cases verify"),
    "no such": ("the file is damaged", DAMAGED),
    "disk i/o": ("the disk cannot be read or written", FULL + ", and check the disk"),
}
BY_ERRNO = {errno.ENOSPC: REASONS["full"], errno.EDQUOT: REASONS["full"], errno.EFBIG: REASONS["full"]}


@contextmanager
def explained(path: Path, doing: str) -> Iterator[None]:
    """Turn an error of SQLite or the system into a :class:`CaseLogError`.

    Parameters
    ----------
    path
        The log.
    doing
        The action that failed, as a participle: ``opened``, ``read``, ``written``.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        # SQLite quotes what it cannot read, and Python cannot read the quotation.
        reason, hint = REASONS["malformed"]
        raise CaseLogError(f"the case log {path} cannot be {doing}: {reason}", hint=hint) from error
    except (sqlite3.Error, OSError) as error:
        reason, hint = _reason(error)
        raise CaseLogError(f"the case log {path} cannot be {doing}: {reason}", hint=hint) from error


def _reason(error: sqlite3.Error | OSError) -> tuple[str, str]:
    if isinstance(error, OSError):
        return BY_ERRNO.get(error.errno or 0, (error.strerror or str(error), RIGHTS))
    text = str(error)
    for part, explanation in REASONS.items():
        if part in text.lower():
            return explanation
    return text, "edge-run cases verify; EDGE_RUN_DEBUG=1 shows where"
