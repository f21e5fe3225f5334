"""Where a case log lies, and who may read it."""

from __future__ import annotations

import os
from pathlib import Path

from edge_run._files import data_folder, make_folder, sync_folder

VARIABLE = "EDGE_RUN_CASE_LOG"


def default_path() -> Path | None:
    """Return ``$EDGE_RUN_CASE_LOG``, else ``cases.sqlite`` in the user's data folder; None without a home folder."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    folder = data_folder()
    return folder / "cases.sqlite" if folder else None


def images_folder(log: Path) -> Path:
    """Where kept images of a log lie."""
    return log.with_name(f"{log.stem}.images")


def make_private(file: Path) -> None:
    """Make an empty file that only this user may read, and its folder likewise where there is none."""
    make_folder(file.parent)
    try:
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # It is not opened to look: closing it again would give up the locks that this process may hold on it.
        return
    os.close(made)
    sync_folder(file.parent)
