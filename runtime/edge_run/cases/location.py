"""Where a case log is stored, and who may read it."""

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
    """Return the folder for the images of a log."""
    return log.with_name(f"{log.stem}.images")


def make_private(file: Path) -> None:
    """Create an empty file, and its folder where it is missing, that only this user may read."""
    make_folder(file.parent)
    try:
        made = os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # Do not open it: closing it again would release the POSIX locks that this process may hold on it.
        return
    os.close(made)
    sync_folder(file.parent)


def explanations_folder(log: Path) -> Path:
    """Return the folder for the reports that explain cases of a log, one folder for each case."""
    return log.with_name(f"{log.stem}.explanations")
