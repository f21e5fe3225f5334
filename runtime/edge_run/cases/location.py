"""Where a case log lies, and who may read it."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "EDGE_RUN_CASE_LOG"


def default_path() -> Path:
    """``$EDGE_RUN_CASE_LOG``, else ``edge-run/cases.sqlite`` in the user's data folder."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # A relative one is to be ignored, says the XDG base directory specification.
    return (data if data.is_absolute() else Path.home() / ".local" / "share") / "edge-run" / "cases.sqlite"


def images_folder(log: Path) -> Path:
    """Where kept images of a log lie."""
    return log.with_name(f"{log.stem}.images")


def make_private(file: Path) -> None:
    """Make an empty file that only this user may read, and its folder likewise where there is none."""
    make_private_folder(file.parent)
    try:
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # It is not opened to look: closing it again would give up the locks that this process may hold on it.
        return
    os.close(made)
    sync_folder(file.parent)


def make_private_folder(folder: Path) -> None:
    """Make a folder that only this user may enter, where there is none."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a loss of power."""
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
