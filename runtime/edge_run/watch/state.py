"""Which files of a watched folder have been answered: a small file that outlives the process."""

from __future__ import annotations

import fcntl
import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


_BEGIN = b'{"file":"'


class Mark(msgspec.Struct, frozen=True):
    """One answered file, as it was then.

    Attributes
    ----------
    file
        Hash of its name: names may be patients'.
    size
        Bytes.
    mtime_ns
        When it was last written.
    sha256
        Of its bytes; empty where it could not be read.
    """

    file: str
    size: int
    mtime_ns: int
    sha256: str = ""


def key(name: str) -> str:
    """What a mark calls a file."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:32]


class WatchState:
    """Marks of answered files, one JSON line each, written as they are made.

    Parameters
    ----------
    path
        The file; it and its folder are made where they are missing.

    Raises
    ------
    UsageError
        It cannot be written, holds something else, or another process has it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = _locked(path)
        except BlockingIOError:
            raise UsageError(
                f"another edge-run watches with {path}", hint="end that one, or give another --state FILE"
            ) from None
        except OSError as error:
            raise UsageError(
                f"what is answered cannot be kept in {path}: {error.strerror}", hint="give another --state FILE"
            ) from error
        try:
            self._marks = {mark.file: mark for mark in _parsed(self._file)}
        except (ValueError, msgspec.DecodeError) as error:
            self._file.close()
            raise UsageError(
                f"{path} holds something else than what is answered", hint="give another --state FILE"
            ) from error

    def get(self, name: str) -> Mark | None:
        """The file's latest mark."""
        return self._marks.get(key(name))

    def add(self, mark: Mark) -> None:
        """Keep a mark, also through a loss of power."""
        self._marks[mark.file] = mark
        self._write([mark])

    def renew(self, names: Iterable[str] | None) -> None:
        """Write the file anew, without what later marks replace and, where names are given, all but theirs."""
        if names is not None:
            kept = {key(name) for name in names}
            self._marks = {file: mark for file, mark in self._marks.items() if file in kept}
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.unlink(missing_ok=True)
        before, self._file = self._file, _locked(fresh)
        self._write(self._marks.values())
        fresh.replace(self._path)
        before.close()

    def close(self) -> None:
        """Let others have the file."""
        self._file.close()

    def _write(self, marks: Iterable[Mark]) -> None:
        self._file.writelines(msgspec.json.encode(mark) + b"\n" for mark in marks)
        self._file.flush()
        os.fsync(self._file.fileno())


def _locked(path: Path) -> BinaryIO:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise
    return file


def _parsed(lines: Iterable[bytes]) -> Iterator[Mark]:
    for line in lines:
        # The last line is cut where a process was killed while it wrote; that file is answered again.
        if not line.endswith(b"\n") and line[: len(_BEGIN)] == _BEGIN[: len(line)]:
            return
        yield msgspec.json.decode(line, type=Mark)
