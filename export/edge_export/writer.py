"""Write a bundle: beside its place first, then moved there whole."""

from __future__ import annotations

import hashlib
import io
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from edge_run.bundle import MANIFEST
from edge_run.errors import UsageError
from edge_run.manifest import File, Manifest

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray
    from typing_extensions import Self


class BundleWriter:
    """A bundle in the making.

    Parameters
    ----------
    out
        Folder to make, or a path ending in ``.zip``. Must not exist, or be an empty folder.

    Raises
    ------
    UsageError
        It exists.
    """

    def __init__(self, out: Path) -> None:
        if out.exists() and not (out.is_dir() and not any(out.iterdir())):
            raise UsageError(f"{out} exists", mend="remove it, or choose another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        self.out = out
        self._folder = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))

    def add(self, path: str, data: bytes) -> File:
        """Add a file and return its entry."""
        target = self._folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return File(path, hashlib.sha256(data).hexdigest(), len(data))

    def add_array(self, path: str, array: NDArray[Any]) -> File:
        """Add an array as ``.npy`` and return its entry."""
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        return self.add(path, buffer.getvalue())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and put the bundle in its place."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (self._folder / MANIFEST).write_bytes(text + b"\n")
        self._folder.chmod(0o755)
        if self.out.suffix == ".zip":
            partial = self.out.with_name(f".{self.out.name}.partial")
            with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(p for p in self._folder.rglob("*") if p.is_file()):
                    archive.write(file, file.relative_to(self._folder).as_posix())
            partial.replace(self.out)
        else:
            self._folder.replace(self.out)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
