"""Write a file or a folder whole or not at all, so that it survives a loss of power.

The content goes to an unfinished file beside the target, is synced, and then takes the target's name: a reader and a
process that is killed see the old content or the new. An unfinished file is locked as long as its writer lives, so that
:func:`sweep_unfinished` deletes only what a killed process left behind. A process does so at its first write into a
folder.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from .folders import make_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PREFIX, _SUFFIX = ".edge-run-", ".unfinished"
_SWEPT = set["Path"]()
"""Folders that this process has written into before."""


def replace_file(path: Path, data: bytes, *, private: bool = True) -> None:
    """Write ``data`` to ``path``; see :func:`replacing`."""
    with replacing(path, private=private) as unfinished, unfinished.open("wb") as file:
        file.write(data)


@contextmanager
def replacing(path: Path, *, private: bool = True) -> Iterator[Path]:
    """Give the path of an empty unfinished file, which takes the name ``path`` when the block ends without an error.

    The folder is made where it is missing. A link called ``path`` is replaced, not followed.

    Parameters
    ----------
    private
        Only this user may read the file (mode 0600), and enter a folder that is made (0700); else the umask decides.

    Raises
    ------
    OSError
        It cannot be written; what was there before is unchanged.
    """
    make_folder(path.parent, private=private)
    _sweep_once(path.parent)
    unfinished, made = _make_unfinished(path.parent, 0o600 if private else 0o666)
    try:
        yield unfinished
        _sync(unfinished)
        unfinished.replace(path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(made)
    sync_folder(path.parent)


@contextmanager
def unfinished_folder(parent: Path) -> Iterator[Path]:
    """Give a private folder in ``parent`` for what :func:`move_folder` moves out of it; the rest is deleted at the end.

    Raises
    ------
    OSError
        It cannot be made.
    """
    _sweep_once(parent)
    path = parent / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
    path.mkdir(mode=0o700)
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(opened)


def move_folder(folder: Path, target: Path) -> None:
    """Give a finished folder or file its final name on the same disk, after all of it is synced.

    Raises
    ------
    OSError
        ``target`` is a folder with content or cannot be written.
    """
    for path in (folder, *folder.rglob("*")):
        sync_folder(path) if path.is_dir() else _sync(path)
    folder.replace(target)
    sync_folder(target.parent)


def sweep_unfinished(folder: Path) -> int:
    """Delete the unfinished files and folders that killed processes left in a folder, and return how many there were.

    Those of a process that still writes stay. A folder that is missing or may not be listed counts as empty.
    """
    swept = 0
    with suppress(OSError):
        for path in list(folder.glob(f"{_PREFIX}*{_SUFFIX}")):
            with suppress(OSError):
                opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                try:
                    fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    swept += 1
                finally:
                    os.close(opened)
    return swept


def _sweep_once(folder: Path) -> None:
    if folder not in _SWEPT:
        _SWEPT.add(folder)
        sweep_unfinished(folder)


def _make_unfinished(folder: Path, mode: int) -> tuple[Path, int]:
    """Make and lock an unfinished file, and return its path and its descriptor."""
    while True:
        path = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
        # A file system without locks keeps what a killed process leaves; that is no reason not to write.
        with suppress(OSError):
            fcntl.flock(made, fcntl.LOCK_EX)
        # Another process may have swept it before it was locked.
        if os.fstat(made).st_nlink:
            return path, made
        os.close(made)


def _sync(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
