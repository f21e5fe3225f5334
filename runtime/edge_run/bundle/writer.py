"""Write a bundle: beside its place first, then moved there whole."""

from __future__ import annotations

import io
import os
import zipfile
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from edge_run._files import make_folder, move_folder, sha256, unfinished_folder
from edge_run.bundle.archive import MANIFEST
from edge_run.bundle.bundle import LICENCE, Bundle
from edge_run.bundle.manifest import File, Manifest
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self

ZIP = ".zip"


class BundleWriter:
    """A bundle in the making; what a killed export leaves is deleted by the next one into the same folder.

    Parameters
    ----------
    out
        Folder to make, or a path ending in ``.zip``. Must not exist; a folder may, if it is empty.

    Attributes
    ----------
    scratch
        Folder for files that are no part of the bundle, deleted at the end.

    Raises
    ------
    UsageError
        It exists, or nothing can be written there.
    """

    def __init__(self, out: Path) -> None:
        self.out = out.resolve()
        if self.out.exists() and (self.out.suffix == ZIP or not self.out.is_dir() or any(self.out.iterdir())):
            raise UsageError(f"{out} exists", hint="remove it, or choose another --out")
        beside = next(parent for parent in self.out.parents if parent.exists())
        self._open = ExitStack()
        try:
            # On the same disk, so that the last step is a rename.
            unfinished = self._open.enter_context(unfinished_folder(beside))
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}", hint="choose another --out") from error
        self._folder, self.scratch = unfinished / "bundle", unfinished / "scratch"
        self._folder.mkdir()
        self.scratch.mkdir()

    def add(self, path: str, data: bytes) -> File:
        """Add a file and return its entry."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return File(path, sha256(data), len(data))

    def copy(self, bundle: Bundle, files: Iterable[File]) -> None:
        """Add files of another bundle, each checked, and its licence, linked where the disk allows.

        A file that was added before stays: it takes the other one's place.
        """
        for file in files:
            target = self._folder / file.path
            if target.exists():
                continue
            data = bundle.read(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            if not _linked(bundle.path / file.path, target):
                target.write_bytes(data)
        if (licence := bundle.licence()) is not None:
            (self._folder / LICENCE).write_bytes(licence)

    def add_array(self, path: str, array: NDArray[Any]) -> File:
        """Add an array as ``.npy`` and return its entry."""
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return self.add(path, buffer.getvalue())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and put the bundle in its place.

        Raises
        ------
        BundleError
            The manifest would not be read again (a figure is not a number); nothing is put in place.
        """
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (self._folder / MANIFEST).write_bytes(text + b"\n")
        Bundle(self._folder)
        made = self._zip() if self.out.suffix == ZIP else self._folder
        make_folder(self.out.parent, private=False)
        move_folder(made, self.out)

    def _zip(self) -> Path:
        path = self.scratch / "bundle.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(p for p in self._folder.rglob("*") if p.is_file()):
                archive.write(file, file.relative_to(self._folder).as_posix())
        return path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()


def _linked(source: Path, target: Path) -> bool:
    """Link a file of a folder to a second name: networks are large, and both bundles are only read."""
    if source.is_symlink() or not source.is_file():
        return False
    try:
        os.link(source, target)
    except OSError:
        return False
    return True
