"""Which files of a watched folder have been answered: a small file that outlives the process."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from edge_run._files import data_folder, make_folder, sha256
from edge_run.errors import UsageError

from .listing import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path


_BEGIN, _END = b'{"file":"', b'"}'
NOT_KEPT = "scans that are in the folder are answered again after a restart"


class Mark(msgspec.Struct, frozen=True):
    """What became of one file, and the content that it had then.

    Attributes
    ----------
    file
        Hash of its path relative to the folder: names may be patients'.
    size, mtime_ns, ctime_ns, inode
        See :class:`edge_run.watch.listing.Identity`; the last two are 0 in the files of older versions.
    sha256
        Of the content that was answered; empty where there was an error.
    error
        Hash of the error's message, so that the same one is not reported again; empty where it was answered.
    """

    file: str
    size: int
    mtime_ns: int
    sha256: str = ""
    ctime_ns: int = 0
    inode: int = 0
    error: str = ""

    @property
    def identity(self) -> Identity:
        """The identity of the content."""
        return Identity(self.size, self.mtime_ns, self.ctime_ns, self.inode)


def default_state(folder: Path) -> Path | None:
    """Where the state of a folder is kept, whatever path leads to the folder; None for a user without a home folder."""
    own = data_folder()
    return own / "watched" / f"{hashed(str(folder.resolve()))}.jsonl" if own else None


def hashed(text: str) -> str:
    """Hash a path or a message: 32 hexadecimal digits."""
    return sha256(os.fsencode(text))[:32]


class WatchState:
    """The marks of a watched folder, one JSON line each, appended as they are made.

    A full or failing disk does not stop a watch: marks are then kept in memory, and written when that works again.

    Parameters
    ----------
    path
        The file; it and its folder are made where they are missing. None: the marks are in memory only.
    warn
        Called once when marks cannot be written.

    Raises
    ------
    UsageError
        The file holds something else, or another process uses it.
    OSError
        The file cannot be made or read.
    """

    def __init__(self, path: Path | None, warn: Callable[[str], None] = lambda _: None) -> None:
        self._path, self._tell, self._warned = path, warn, False
        self._marks: dict[str, Mark] = {}
        self._unwritten: list[Mark] = []
        self._file: int | None = None
        if path is None:
            return
        make_folder(path.parent)
        try:
            self._file = _locked(path)
        except BlockingIOError:
            raise UsageError(
                f"another edge-run watches with {path}", hint="stop that one, or give another --state FILE"
            ) from None
        try:
            self._marks = {mark.file: mark for mark in _parsed(path.read_bytes())}
        except (ValueError, msgspec.DecodeError) as error:
            self.close()
            raise UsageError(f"{path} is not the state of a watch", hint="give another --state FILE") from error

    def get(self, name: str) -> Mark | None:
        """Return the latest mark of a file, by its path relative to the folder."""
        return self._marks.get(hashed(name))

    def add(self, mark: Mark) -> None:
        """Keep a mark, which survives a loss of power once this returns without a warning."""
        self._marks[mark.file] = mark
        if self._file is None:
            return
        self._unwritten.append(mark)
        try:
            _append(self._file, self._unwritten)
            self._unwritten = []
        except OSError as error:
            self._warn(error)

    def renew(self, names: Iterable[str] | None) -> None:
        """Write the file anew with the latest mark of each file; with ``names``, forget all other files."""
        if names is not None:
            kept = {hashed(name) for name in names}
            self._marks = {file: mark for file, mark in self._marks.items() if file in kept}
        if self._path is None or self._file is None:
            return
        fresh = self._path.with_name(f"{self._path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            opened = _locked(fresh)
            try:
                _append(opened, self._marks.values())
                fresh.replace(self._path)
            except OSError:
                os.close(opened)
                fresh.unlink(missing_ok=True)
                raise
        except OSError as error:
            self._warn(error)
            return
        # Only now: the lock of the old file keeps others out until the new one is in its place.
        os.close(self._file)
        self._file = opened

    def close(self) -> None:
        """Let another process use the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _warn(self, error: OSError) -> None:
        if not self._warned:
            self._warned = True
            self._tell(f"the state cannot be written to {self._path}: {error.strerror}; {NOT_KEPT}")


def _append(opened: int, marks: Iterable[Mark]) -> None:
    """Append all marks or none."""
    end = os.lseek(opened, 0, os.SEEK_END)
    data = b"".join(msgspec.json.encode(mark) + b"\n" for mark in marks)
    try:
        while data:
            data = data[os.write(opened, data) :]
        os.fsync(opened)
    except OSError:
        with suppress(OSError):
            os.ftruncate(opened, end)
        raise


def _locked(path: Path) -> int:
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(opened)
        raise
    return opened


def _parsed(data: bytes) -> Iterator[Mark]:
    """Read the marks; ValueError or DecodeError where a line is none and no loss of power explains it."""
    for line in data.splitlines(keepends=True):
        # Where a process was killed or the power was lost, the last line may be cut, and blocks may be NUL bytes.
        text = line.strip(b"\0\n")
        lost = b"\0" in line or not line.endswith(b"\n")
        try:
            yield msgspec.json.decode(text, type=Mark)
        except (ValueError, msgspec.DecodeError):
            remains = text[: len(_BEGIN)] == _BEGIN[: len(text)] or (b"\0" in line and text.endswith(_END))
            if not (lost and remains):
                raise
