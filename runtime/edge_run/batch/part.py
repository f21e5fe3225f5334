"""Write rows so that a killed process loses none that it had answered.

Each row is appended to an open part as soon as it is known, and is in the hands of the system from then on: ``kill -9``
loses the scans in progress, a loss of power those of the last second as well. Both are answered again. An open part is
sealed, that is closed for ever, when it is full, at the end, or by the next process that works on the shard.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import TYPE_CHECKING

from edge_run._files import make_folder, replace_file, sync_folder
from edge_run.cases.head import Head, head_path

from . import layout, parquet
from .chain import GENESIS, line_of, linked
from .reading import intact_length, links

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from .chain import Record

MAX_ROWS = 1000
"""Rows after which a part is sealed."""
SECONDS_BETWEEN_SYNCS = 1.0


class PartWriter:
    """Appends rows to parts of its own.

    Parameters
    ----------
    folder
        The output folder.
    prefix
        What the names of its parts begin with.
    as_parquet
        Seal parts as Parquet.
    """

    def __init__(self, folder: Path, prefix: str, *, as_parquet: bool = False) -> None:
        self._folder, self._as_parquet = folder / layout.PARTS, as_parquet
        self._name = f"{prefix}-{secrets.token_hex(4)}"
        self._number, self._file, self._synced = 0, -1, time.monotonic()
        self._head, self._path = Head(0, GENESIS), self._folder

    def append(self, rows: Sequence[Record]) -> None:
        """Append the rows of one item, which stay together.

        Raises
        ------
        OSError
            They cannot be written.
        """
        if self._file < 0:
            self._open()
        chain = list(linked(rows, self._head.hash))
        try:
            data = memoryview(b"".join(map(line_of, chain)))
            while data:
                data = data[os.write(self._file, data) :]
        except OSError:
            # Half a line may be there, which the next process of the shard cuts off.
            self._leave()
            raise
        if chain:
            self._head = Head(self._head.seq + len(chain), chain[-1].hash)
        if time.monotonic() - self._synced >= SECONDS_BETWEEN_SYNCS:
            os.fsync(self._file)
            self._synced = time.monotonic()
        if self._head.seq >= MAX_ROWS:
            self.close()

    def close(self) -> None:
        """Seal the open part, if there is one; the next row begins another."""
        if self._file < 0:
            return
        os.fsync(self._file)
        self._leave()
        seal(self._path, self._head, as_parquet=self._as_parquet)

    def _leave(self) -> None:
        os.close(self._file)
        self._file = -1

    def _open(self) -> None:
        self._number += 1
        self._path = self._folder / f"{self._name}-{self._number:04}{layout.JSONL}{layout.OPEN}"
        make_folder(self._folder)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file, self._head = os.open(self._path, flags, 0o600), Head(0, GENESIS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def seal(unfinished: Path, head: Head, *, as_parquet: bool) -> None:
    """Give an open part, which is synced, its final form and name."""
    if as_parquet:
        sealed = layout.sealed_name(unfinished, layout.PARQUET)
        _write_head(sealed, head)
        parquet.write(sealed, links(unfinished))
        unfinished.unlink()
    else:
        sealed = layout.sealed_name(unfinished, layout.JSONL)
        _write_head(sealed, head)
        unfinished.rename(sealed)
    sync_folder(sealed.parent)


def _write_head(sealed: Path, head: Head) -> None:
    # Not as that of the case log, which may fail: without it, rows lost at the end would not show.
    replace_file(head_path(sealed), f"{head.seq} {head.hash}\n".encode())


def recover(folder: Path, prefix: str, *, as_parquet: bool = False) -> int:
    """Seal what killed processes left open, up to the last item that is whole; return how many rows that saved.

    Only where no process can still be writing them.
    """
    for unfinished in (folder / layout.PARTS).glob(f"{prefix}-*{layout.OPEN}"):
        if layout.is_sealed(unfinished):
            unfinished.unlink()
    saved = 0
    for unfinished in layout.open_parts(folder, f"{prefix}-"):
        length, head = intact_length(unfinished)
        if not head.seq:
            unfinished.unlink()
            continue
        with unfinished.open("r+b") as file:
            file.truncate(length)
            os.fsync(file.fileno())
        seal(unfinished, head, as_parquet=as_parquet)
        saved += head.seq
    return saved
