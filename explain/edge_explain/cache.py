"""Explanations that were made before, by what they were made of.

Each is a folder of its own: ``record.json``, arrays as ``.npy``, and ``SHA256SUMS`` over both. What is not as it was
written is made again. A scan itself is never stored; but maps of it are, so the folder is this user's alone.
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
"""Kept at most; the least recently used go first."""
MAX_BYTES = 64 * 2**20
"""Of one file."""


def default_folder() -> Path | None:
    """``explanations`` in the user's cache folder; None where this user has no home."""
    cache = cache_folder()
    return cache / "explanations" if cache else None


def key(parts: Mapping[str, object]) -> str:
    """Name of an explanation: SHA-256 of all that it depends on."""
    return sha256(msgspec.json.encode(dict(parts), order="sorted"))


class Cache:
    """A folder of explanations.

    Parameters
    ----------
    folder
        Made when something is first stored.
    entries
        How many are kept.
    """

    def __init__(self, folder: Path, *, entries: int = ENTRIES) -> None:
        self.folder, self.entries = folder, entries

    def load(self, name: str) -> tuple[bytes, dict[str, NDArray[np.generic]]] | None:
        """Record and arrays of an explanation; None where it is not there, or not as it was written."""
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
        """Keep an explanation; a full disk or a folder that may not be written is no reason to fail."""
        files = {RECORD: record, **{f"{array}.npy": _written(values) for array, values in arrays.items()}}
        files[SUMS] = "".join(f"{sha256(data)}  {file}\n" for file, data in files.items()).encode()
        try:
            make_folder(self.folder)
            with unfinished_folder(self.folder) as unfinished:
                made = unfinished / name
                made.mkdir(mode=0o700)
                for file, data in files.items():
                    (made / file).write_bytes(data)
                shutil.rmtree(self.folder / name, ignore_errors=True)
                move_folder(made, self.folder / name)
            self._forget()
        except OSError:
            return

    def _forget(self) -> None:
        kept = sorted(
            (path for path in self.folder.iterdir() if not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime_ns,
        )
        for path in kept[: -self.entries]:
            shutil.rmtree(path, ignore_errors=True)


def _checked(folder: Path) -> dict[str, bytes]:
    """Files of an entry; ValueError where one is not what the sums say."""
    files = {}
    for line in _bounded(folder / SUMS).decode("ascii").splitlines():
        expected, _, file = line.partition("  ")
        if Path(file).name != file:
            raise ValueError(f"{file} leads elsewhere")
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
