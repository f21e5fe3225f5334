"""A bundle on disk: everything an ensemble needs, every byte checked against its hash."""

from __future__ import annotations

import io
import json
import os
import tokenize
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._files import cache_folder, sha256
from edge_run.errors import BundleError

from .archive import MANIFEST, open_archive
from .installed import BUILT_IN, find_bundle
from .manifest import SCHEMA_VERSION, File, Manifest
from .manifest.schema1 import upgrade

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_MANIFEST_BYTES = 4 * 2**20
DEFAULT = "ct-covid"


class Bundle:
    """An opened bundle.

    Parameters
    ----------
    path
        Folder, zip, or the name of an installed bundle, see :mod:`edge_run.bundle.installed`.

    Raises
    ------
    BundleError
        It is missing, damaged, of another schema version, or its manifest does not fit the schema.
    """

    def __init__(self, path: str | Path = DEFAULT) -> None:
        self.path = find_bundle(path)
        self._by_name = self.path != Path(path)
        self._archive = open_archive(self.path)
        raw = self._archive.read(MANIFEST, MAX_MANIFEST_BYTES)
        self.sha256 = sha256(raw)
        self.manifest = parse(raw)
        self._ahead: dict[File, Future[bytes]] = {}

    @property
    def engines(self) -> Path | None:
        """Folder for what is compiled for this device; whoever writes into it makes it.

        It lies beside the bundle. Where the bundle is one of an installed package, or this user may not use that place,
        it is one of the user's own, by the manifest's hash; None where this user has no folder either.
        """
        at = self.path.resolve()
        beside = at.with_name(f"{at.stem if at.is_file() else at.name}.engines")
        usable = os.access(beside, os.R_OK | os.X_OK) or (
            not os.access(beside, os.F_OK) and os.access(beside.parent, os.W_OK | os.X_OK)
        )
        if usable and not self._by_name and not at.is_relative_to(BUILT_IN.resolve()):
            return beside
        cache = cache_folder()
        return cache / "engines" / self.sha256[:16] if cache else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.manifest.task.labels

    @property
    def members(self) -> tuple[str, ...]:
        """Ids of the members."""
        return tuple(member.id for member in self.manifest.members)

    @property
    def precisions(self) -> tuple[str, ...]:
        """What every member has an artefact for."""
        return self.manifest.precisions

    def __repr__(self) -> str:
        """Name the bundle, its hash, labels, members and precisions."""
        lists = "; ".join(", ".join(names) for names in (self.labels, self.members, self.precisions))
        return f"Bundle({self.manifest.name} {self.sha256[:12]}: {lists})"

    def read_ahead(self, precision: str) -> None:
        """Begin to read and hash the members of a precision, the heaviest first, while the caller does other work."""
        members = [self.manifest.members[m] for m in self.manifest.heaviest_first]
        files = [member.artefacts[precision].file for member in members]
        pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._ahead |= {file: pool.submit(self._read, file) for file in files}
        pool.shutdown(wait=False)

    def read(self, file: File) -> bytes:
        """Read one file and check its size and hash.

        Raises
        ------
        BundleError
            It is missing, or not the file the manifest names.
        """
        ahead = self._ahead.pop(file, None)
        return ahead.result() if ahead else self._read(file)

    def _read(self, file: File) -> bytes:
        data = self._archive.read(file.path, file.bytes)
        if len(data) != file.bytes or sha256(data) != file.sha256:
            raise BundleError(
                f"{file.path} of {self.path} is not the file its manifest names ({len(data)} of {file.bytes} bytes, "
                "or another SHA-256)",
                hint="copy the bundle again; if it was changed on purpose, export it again",
            )
        return data

    def read_array(self, file: File) -> NDArray[Any]:
        """Read one ``.npy`` file; object arrays, which would need pickle, are refused."""
        import numpy as np

        stored = io.BytesIO(self.read(file))
        try:
            # Unlike np.load, this takes nothing but .npy: no .npz, which could inflate to any size.
            array: NDArray[Any] = np.lib.format.read_array(stored, allow_pickle=False)
        except (ValueError, TypeError, SyntaxError, EOFError, MemoryError, tokenize.TokenError) as error:
            raise BundleError(
                f"{file.path} of {self.path} is not a plain array: {error}", hint="export the bundle again"
            ) from error
        return array


def parse(raw: bytes) -> Manifest:
    """Read ``bundle.json``.

    Raises
    ------
    BundleError
        Another schema version or none, a key twice, or anything that does not fit the schema.
    """
    try:
        found = json.loads(raw, object_pairs_hook=_unique)
        if not isinstance(found, dict) or "schema_version" not in found:
            raise BundleError(f"{MANIFEST} names no schema version", hint="give a bundle that edge-run export wrote")
        version = found["schema_version"]
        # True is 1 in Python, and no version.
        if type(version) is not int or version not in (1, SCHEMA_VERSION):
            raise BundleError(
                f"the bundle has schema version {version!r}, this edge-run reads 1 and {SCHEMA_VERSION}",
                hint="export the bundle again with this edge-run, or use the edge-run that wrote it",
            )
        # Read again, by a reader that knows neither NaN nor half a surrogate pair.
        if version == SCHEMA_VERSION:
            return msgspec.json.decode(raw, type=Manifest)
        return msgspec.convert(upgrade(msgspec.json.decode(raw)), Manifest)
    except (ValueError, RecursionError, msgspec.DecodeError) as error:
        raise BundleError(f"{MANIFEST} does not fit its schema: {error}", hint="export the bundle again") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # Two readers may pick different ones of a key that stands twice; then one checks what the other does not use.
    record = dict(pairs)
    if len(record) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return record
