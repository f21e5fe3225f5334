"""Whose engines are loaded: an engine is a program, so it must belong to this user or to root, and to nobody else."""

from __future__ import annotations

import os
import shlex
import stat
from typing import TYPE_CHECKING

from edge_run.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

_OTHERS_ENTER = stat.S_IXGRP | stat.S_IXOTH
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def require_ours(path: Path, status: os.stat_result) -> None:
    """Refuse a file or folder that another user owns or may write to.

    Parameters
    ----------
    path
        Its name, for the error.
    status
        Its status; of a file, that of the open descriptor, so that the file cannot be exchanged in between.

    Raises
    ------
    BackendError
        Its owner is neither this user nor root, or its mode lets the group or others write.
    """
    # Windows has neither owners by number nor these modes.
    if not hasattr(os, "getuid"):
        return
    if status.st_uid not in (os.getuid(), 0):
        raise BackendError(
            f"{path} belongs to another user (uid {status.st_uid}), who could run any program on the GPU with it",
            hint=f"remove it, then edge-run compile BUNDLE; or, if it is to be trusted, chown it: {path}",
        )
    if status.st_mode & _OTHERS_WRITE:
        raise BackendError(
            f"other users may write to {path} (mode {stat.S_IMODE(status.st_mode):o})",
            hint=f"chmod go-w {shlex.quote(str(path))}, if it is to be trusted; else remove it",
        )


def require_our_folder(folder: Path) -> None:
    """Refuse a folder that is not ours, or whose files are not; one that does not exist passes.

    The modes of files do not matter in a folder that only its owner may enter.

    Raises
    ------
    BackendError
        As `require_ours`.
    """
    try:
        status = folder.stat()
        require_ours(folder, status)
        for file in folder.iterdir() if status.st_mode & _OTHERS_ENTER else ():
            require_ours(file, file.lstat())
    except OSError:
        # What is missing or may not be read is not loaded either.
        return
