"""List the image files below a folder again and again, quickly and at any depth.

Nothing here recurses: a tree may be deeper than Python's stack. Where there are more files than `STATS_PER_LOOK`, a
folder whose own times are unchanged is not read again at each look, and its known files are looked at in turn.
"""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge_run._files.read import beginning
from edge_run.scan.dicom.sniff import LENGTH, is_dicom
from edge_run.scan.inputs import is_image_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

STATS_PER_LOOK = 4000
"""About how many known files one look asks the system about."""
LOOKS_PER_LISTING = 10
"""A folder is read at least every so many looks: some network drives do not change its times when a file arrives."""
COARSEST_NS = 2 * 10**9
"""The coarsest times of a file system (FAT): a folder that changed so recently may change again without a new time."""


class Identity(NamedTuple):
    """What tells one content of a file from another without reading it.

    Attributes
    ----------
    size
        Bytes.
    mtime_ns
        When the content was last written; programs may set it.
    ctime_ns
        When the content or the attributes last changed, by the system's clock; no program can set it.
    inode
        The file system's number of the file, which differs after another file took its name.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@dataclass
class _Folder:
    """What one folder held: files and folders by their relative paths, those of folders with a slash at the end."""

    times: tuple[int, int, int]
    read_at: int
    files: dict[str, Identity] = field(default_factory=dict)
    links: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    below: list[str] = field(default_factory=list)


class Lister:
    """Lists one folder.

    Parameters
    ----------
    folder
        Links to folders are followed, and each real folder is entered once.

    Attributes
    ----------
    errors
        Messages about the folders that the latest call could not list.
    """

    def __init__(self, folder: Path) -> None:
        self._root = str(folder)
        self._folders: dict[str, _Folder] = {}
        self._look, self._stride = 0, 1
        self.errors: list[str] = []

    def list(self, watched: Collection[str] = ()) -> dict[str, Identity]:
        """Return the identity of each image by its path relative to the folder; hidden names are left out.

        Parameters
        ----------
        watched
            Relative paths that this look must not leave to a later one.
        """
        self.errors, self._look = [], self._look + 1
        before, self._folders = self._folders, {}
        found: dict[str, Identity] = {}
        links: dict[str, Identity] = {}
        for name, times in self._walk():
            folder = self._folders[name] = self._update(name, times, before.get(name), watched)
            if folder.links or folder.others:
                for path, identity in folder.files.items():
                    if path not in folder.others:
                        (links if path in folder.links else found)[path] = identity
            else:
                found.update(folder.files)
        _add_links(found, links)
        self._stride = 1 + len(found) // STATS_PER_LOOK
        return found

    def _walk(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Yield the relative path and the times of each folder; the caller lists it before the next one is taken."""
        waiting, entered = [""], set[tuple[int, int]]()
        while waiting:
            name = waiting.pop()
            try:
                status = os.stat(f"{self._root}/{name}")  # noqa: PTH116 - this runs for thousands of folders a second
            except OSError as error:
                self._cannot_list(name, error)
                continue
            real = status.st_dev, status.st_ino
            # Some network drives have no such numbers; there, the length of a path ends a circle of links.
            if status.st_ino and real in entered:
                continue
            entered.add(real)
            yield name, (status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
            waiting += self._folders[name].below

    def _update(
        self, name: str, times: tuple[int, int, int], before: _Folder | None, watched: Collection[str]
    ) -> _Folder:
        if (
            before is not None
            and self._stride > 1
            and before.times == times
            and self._look - before.read_at < LOOKS_PER_LISTING
        ):
            self._refresh(before, watched)
            return before
        settled = max(times[:2]) < time.time_ns() - COARSEST_NS
        folder = _Folder(times if settled else (0, 0, 0), self._look)
        try:
            self._read(name, folder, before)
        except OSError as error:
            self._cannot_list(name, error)
        return folder

    def _read(self, name: str, folder: _Folder, before: _Folder | None) -> None:
        with os.scandir(f"{self._root}/{name}") as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                try:
                    self._add(entry, name + entry.name, folder, before)
                except OSError:
                    # It has gone meanwhile, or it is a link to nothing or to itself.
                    continue

    def _add(self, entry: os.DirEntry[str], path: str, folder: _Folder, before: _Folder | None) -> None:
        if entry.is_dir():
            folder.below.append(f"{path}/")
            return
        known = is_image_name(entry.name)
        identity = None if known is False else _identity(entry.stat())
        if identity is None:
            return
        folder.files[path] = identity
        if entry.is_symlink():
            folder.links.add(path)
        if known is None and not self._is_dicom(path, identity, before):
            folder.others.add(path)

    def _refresh(self, folder: _Folder, watched: Collection[str]) -> None:
        """Look again at some of a folder's known files, at each after a few looks."""
        paths = list(folder.files)[self._look % self._stride :: self._stride]
        for path in {*paths, *(one for one in watched if one in folder.files)}:
            try:
                identity = _identity(os.stat(f"{self._root}/{path}"))  # noqa: PTH116 - as above
            except OSError:
                identity = None
            if identity is None:
                del folder.files[path]
            elif identity != folder.files[path]:
                folder.files[path] = identity
                if path in folder.others and is_dicom(beginning(Path(self._root, path), LENGTH)):
                    folder.others.discard(path)

    def _is_dicom(self, path: str, identity: Identity, before: _Folder | None) -> bool:
        """Whether a file begins like DICOM; it is opened again only after it has changed."""
        if before is not None and before.files.get(path) == identity:
            return path not in before.others
        return is_dicom(beginning(Path(self._root, path), LENGTH))

    def _cannot_list(self, name: str, error: OSError) -> None:
        self.errors.append(f"{self._root}/{name} cannot be listed: {error.strerror}")


def _identity(status: os.stat_result) -> Identity | None:
    if not stat.S_ISREG(status.st_mode):
        return None
    return Identity(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def _add_links(found: dict[str, Identity], links: dict[str, Identity]) -> None:
    """Add the files that are reached through a link only, each once."""
    reached = set(found.values()) if links else set()
    for path, identity in sorted(links.items()):
        if identity not in reached:
            reached.add(identity)
            found[path] = identity
