"""Keep explanations that were computed before, by the hash of everything that they depend on.

Each has a folder: ``record.json``, arrays as ``.npy``, and ``SHA256SUMS`` of both. A damaged one is computed again. The
scan itself is not stored, but maps of it are, so that only this user may read the folder.
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_run._files import cache_folder, make_folder, move_folder, sha256, unfinished_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RECORD, SUMS = "record.json", "SHA256SUMS"
ENTRIES = 200
"""Largest number of explanations; the least recently used are deleted first."""
MAX_BYTES = 64 * 2**20
"""Largest size of one file."""


def default_folder() -> Path | None:
    """``explanations`` in the user's cache folder; None where this user has no home."""
    cache = cache_folder()
    return cache / "explanations" if cache else None


def key(parts: Mapping[str, object]) -> str:
    """Name an explanation by the SHA-256 of everything that it depends on."""
    return sha256(msgspec.json.encode(dict(parts), order="sorted"))


class Cache:
    """A folder of explanations, each under the name that :func:`key` gives it.

    Parameters
    ----------
    folder
        The folder, which is made when something is first stored.
    entries
        How many explanations are kept.
    """

    def __init__(self, folder: Path, *, entries: int = ENTRIES) -> None:
        self.folder, self.entries = folder, entries

    def load(self, name: str) -> tuple[bytes, dict[str, NDArray[np.generic]]] | None:
        """Load the record and the arrays of an explanation; None where it is missing or damaged."""
        at = self.folder / name
        try:
            files = _checked(at)
            record = files.pop(RECORD)
            arrays = {file.removesuffix(".npy"): _read(data) for file, data in files.items()}
            os.utime(at)
        except (OSError, ValueError, KeyError):
            shutil.rmtree(at, ignore_errors=True)
            return None
        return record, arrays

    def store(self, name: str, record: bytes, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep an explanation. A full disk or a folder that may not be written to is no error."""
        files = {RECORD: record, **{f"{array}.npy": _written(values) for array, values in arrays.items()}}
        files[SUMS] = "".join(f"{sha256(data)}  {file}\n" for file, data in files.items()).encode()
        try:
            make_folder(self.folder)
            with unfinished_folder(self.folder) as unfinished:
                entry = unfinished / name
                entry.mkdir(mode=0o700)
                for file, data in files.items():
                    (entry / file).write_bytes(data)
                shutil.rmtree(self.folder / name, ignore_errors=True)
                move_folder(entry, self.folder / name)
            self._delete_oldest()
        except OSError:
            return

    def _delete_oldest(self) -> None:
        by_use = sorted(
            (path for path in self.folder.iterdir() if not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime_ns,
        )
        for path in by_use[: -self.entries]:
            shutil.rmtree(path, ignore_errors=True)


def _checked(folder: Path) -> dict[str, bytes]:
    """Read the files of an explanation; raise ValueError where one does not match its hash."""
    files = {}
    for line in _bounded(folder / SUMS).decode("ascii").splitlines():
        expected, _, file = line.partition("  ")
        if Path(file).name != file:
            raise ValueError(f"{file} lies outside the folder")
        files[file] = _bounded(folder / file)
        if sha256(files[file]) != expected:
            raise ValueError(f"{file} is damaged")
    return files


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"{path.name} is too long")
    return data


def _read(data: bytes) -> NDArray[np.generic]:
    array: NDArray[np.generic] = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
    return array


def _written(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
