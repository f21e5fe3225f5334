"""Folders that belong to the user, by the XDG base directory specification 0.8, and how a folder is made."""

from __future__ import annotations

import errno
import os
from pathlib import Path

_OURS = "edge-run"


def data_folder() -> Path | None:
    """``edge-run`` in ``$XDG_DATA_HOME`` or ``~/.local/share``; None where this user has no home."""
    return _user_folder("XDG_DATA_HOME", ".local/share")


def cache_folder() -> Path | None:
    """``edge-run`` in ``$XDG_CACHE_HOME`` or ``~/.cache``; None where this user has no home."""
    return _user_folder("XDG_CACHE_HOME", ".cache")


def make_folder(folder: Path, *, private: bool = True) -> None:
    """Make a folder with its parents where it is missing, so that its name survives a loss of power.

    Parameters
    ----------
    private
        Only this user may enter it (mode 0700); else the umask decides. A folder that exists keeps its mode.

    Raises
    ------
    OSError
        It cannot be made.
    """
    missing = [one for one in (folder, *folder.parents) if not one.is_dir()]
    for one in reversed(missing):
        one.mkdir(mode=0o700 if private else 0o777, exist_ok=True)
        sync_folder(one.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a loss of power.

    Raises
    ------
    OSError
        The folder cannot be opened or its disk failed.
    """
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    except OSError as error:
        # Some network file systems cannot sync a folder.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(opened)


def _user_folder(variable: str, below_home: str) -> Path | None:
    named = Path(os.environ.get(variable, ""))
    # The specification tells programs to ignore a relative path.
    if named.is_absolute():
        return named / _OURS
    try:
        return Path.home() / below_home / _OURS
    except RuntimeError:
        # No HOME, and no entry for this user id: containers run with arbitrary ids.
        return None
