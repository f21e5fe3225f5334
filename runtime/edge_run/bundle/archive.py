"""Where a bundle's bytes come from: a folder or a zip of it. Paths are confined, sizes bounded, nothing is unpacked."""

from __future__ import annotations

import io
import os
import stat
import struct
import threading
import weakref
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol

from edge_run.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "bundle.json"

# Every exporter writes these two; each further decoder is one more that a hostile file reaches.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# A bundle has some dozens of files. Each entry of a zip's list costs memory and time many times its own size.
_MOST_LIST_BYTES = 2**20
# What zipfile is known to raise on damage.
_DAMAGED = (OSError, EOFError, RuntimeError, ValueError, struct.error, zipfile.BadZipFile, zlib.error)


class Archive(Protocol):
    """A read-only set of named files."""

    def read(self, name: str, limit: int) -> bytes:
        """Read a file; raises `BundleError` where it is missing, outside, or longer than ``limit`` bytes."""


def open_archive(path: Path) -> Archive:
    """Open a bundle's folder or zip.

    Raises
    ------
    BundleError
        There is nothing there, or it is neither.
    """
    if path.is_dir():
        return Folder(path)
    if path.is_file():
        return Zip(path)
    raise BundleError(
        f"there is no bundle at {path}", hint="give a bundle's folder or .zip, or the name of an installed bundle"
    )


class Folder:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    def read(self, name: str, limit: int) -> bytes:
        """Read one file below the folder."""
        try:
            path = (self.root / name).resolve()
            if not path.is_relative_to(self.root):
                raise BundleError(f"{name} leads out of the bundle {self.root}", hint="do not use this bundle")
            # Never waits for a pipe, and follows no link that was put there meanwhile.
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
            with os.fdopen(os.open(path, flags), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise BundleError(f"{name} of the bundle {self.root} is not a file", hint="copy the bundle again")
                data = file.read(limit + 1)
        # Up to Python 3.12 links that go in a circle are a RuntimeError.
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise BundleError(
                f"{name} of the bundle {self.root} cannot be read: {reason}", hint="copy the bundle again"
            ) from error
        return _bounded(data, name, limit)


class Zip:
    """Files of a zip, at its top or below one folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Members are read side by side, and zipfile counts its open files without a lock.
        self._lock = threading.Lock()
        try:
            file = _ZipBytes(path)
        except OSError as error:
            raise BundleError(
                f"{path} cannot be read: {error.strerror}", hint="check the rights of the file"
            ) from error
        # ZipFile closes only files that it opened itself.
        weakref.finalize(self, file.close)
        try:
            self.zip = zipfile.ZipFile(file)
            file.opened = True
        except _DAMAGED as error:
            raise BundleError(
                f"{path} is neither a folder nor a readable zip: {error}", hint="copy the bundle again"
            ) from error
        names = self.zip.namelist()
        if len(set(names)) != len(names):
            raise BundleError(f"{path} holds two files of one name", hint="do not use this bundle")
        if any(entry.compress_type not in _METHODS for entry in self.zip.infolist()):
            raise BundleError(f"{path} is compressed by another method than deflate", hint="zip the folder again")
        tops = [name.removesuffix(MANIFEST) for name in names if name.count("/") <= 1 and _is_manifest(name)]
        self.top = tops[0] if len(tops) == 1 else ""

    def read(self, name: str, limit: int) -> bytes:
        """Read one file of the zip, never more than ``limit`` bytes of it."""
        try:
            with self._lock, self.zip.open(self.top + name) as file:
                data = file.read(limit + 1)
        except KeyError as error:
            raise BundleError(f"{name} is missing in {self.path}", hint="copy the bundle again") from error
        except _DAMAGED as error:
            raise BundleError(f"{name} of {self.path} cannot be read: {error}", hint="copy the bundle again") from error
        return _bounded(data, name, limit)


class _ZipBytes(io.FileIO):
    """The file of a zip, whose list of files may not be longer than that of a bundle; `opened` once it was read."""

    opened = False

    def read(self, size: int | None = -1, /) -> bytes:
        rest = os.fstat(self.fileno()).st_size - self.tell()
        if not self.opened and (rest if size is None or size < 0 else size) > _MOST_LIST_BYTES:
            raise zipfile.BadZipFile(f"its list of files is longer than {_MOST_LIST_BYTES} bytes")
        return super().read(size)


def _is_manifest(name: str) -> bool:
    return name.rpartition("/")[2] == MANIFEST


def _bounded(data: bytes, name: str, limit: int) -> bytes:
    if len(data) > limit:
        raise BundleError(f"{name} is longer than the {limit} bytes it may have", hint="copy the bundle again")
    return data
