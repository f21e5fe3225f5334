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
from .derive.cache import Source, cached_path, derived
from .installed import BUILT_IN, find_bundle
from .manifest import SCHEMA_VERSION, File, Manifest
from .manifest.schema1 import upgrade

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .manifest import BundleMember

MAX_MANIFEST_BYTES = 4 * 2**20
DEFAULT = "ct-covid"
LICENCE, MAX_LICENCE_BYTES = "LICENSE", 2**20


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
        self._ahead: dict[tuple[str, str], Future[bytes]] = {}

    @property
    def engines(self) -> Path | None:
        """Folder for what is compiled for this device; whoever writes into it makes it.

        It lies beside the bundle. Where the bundle is one of an installed package, or this user may not use that place,
        it is one of the user's own, by the manifest's hash; None where this user has no folder either.
        """
        return self._device_folder("engines")

    @property
    def derived(self) -> Path | None:
        """Folder for the forms that are derived on this device, placed as `engines` is."""
        return self._device_folder("derived")

    def _device_folder(self, kind: str) -> Path | None:
        at = self.path.resolve()
        beside = at.with_name(f"{at.stem if at.is_file() else at.name}.{kind}")
        # Looked for once: another thread may make it meanwhile, and both must come to one place.
        there = os.access(beside, os.F_OK)
        usable = os.access(beside, os.R_OK | os.X_OK) if there else os.access(beside.parent, os.W_OK | os.X_OK)
        if usable and not self._by_name and not at.is_relative_to(BUILT_IN.resolve()):
            return beside
        cache = cache_folder()
        return cache / kind / self.sha256[:16] if cache else None

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names in the order of the logits."""
        return self.manifest.task.labels

    @property
    def parent(self) -> str | None:
        """SHA-256 of the bundle that this one was recalibrated from; None where it is as it was exported."""
        recalibration = self.manifest.recalibration
        return recalibration.ancestors[0] if recalibration else None

    @property
    def family(self) -> frozenset[str]:
        """SHA-256 of this bundle and of those it was recalibrated from: all answer with the same networks."""
        recalibration = self.manifest.recalibration
        return frozenset({self.sha256, *(recalibration.ancestors if recalibration else ())})

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
        pool = ThreadPoolExecutor(1, thread_name_prefix="read-ahead")
        self._ahead |= {(one.id, precision): pool.submit(self._model, one, precision) for one in members}
        pool.shutdown(wait=False)

    def model(self, member: BundleMember, precision: str) -> bytes:
        """Return a member's ONNX file at one precision: stored and checked, or derived and kept for the next time.

        Raises
        ------
        BundleError
            The stored file is missing, or not the file the manifest names; or nothing can be derived from it.
        BackendError
            The form is derived, is not at hand yet, and the package ``onnx`` is not installed.
        """
        ahead = self._ahead.pop((member.id, precision), None)
        return ahead.result() if ahead else self._model(member, precision)

    def _model(self, member: BundleMember, precision: str) -> bytes:
        artefact = member.artefacts[precision]
        if artefact.file is not None:
            return self.read(artefact.file)
        return derived(self.source_of(member, precision), precision, self.derived)

    def has_model(self, precision: str) -> bool:
        """Whether every member's file of a precision is stored, or was derived on this device before."""
        if precision in self.manifest.stored_precisions:
            return True
        folder = self.derived
        return folder is not None and all(
            cached_path(self.source_of(member, precision), precision, folder).exists()
            for member in self.manifest.members
        )

    def source_of(self, member: BundleMember, precision: str) -> Source:
        """Return the stored artefact that a form is derived from."""
        own = member.artefacts[precision]
        artefact = member.artefacts[own.derived_from or precision]
        # A quantised form may have more layers in float than what it is derived from.
        file, quantisation = artefact.file, own.quantisation or artefact.quantisation
        assert file is not None  # noqa: S101 - the manifest was checked
        kept = quantisation.float_layers if quantisation else ()
        return Source(member.id, file.sha256, kept, lambda: self.read(file))

    def read(self, file: File) -> bytes:
        """Read one file and check its size and hash.

        Raises
        ------
        BundleError
            It is missing, or not the file the manifest names.
        """
        data = self._archive.read(file.path, file.bytes)
        if len(data) != file.bytes or sha256(data) != file.sha256:
            raise BundleError(
                f"{file.path} of {self.path} is not the file its manifest names ({len(data)} of {file.bytes} bytes, "
                "or another SHA-256)",
                hint="copy the bundle again; if it was changed on purpose, export it again",
            )
        return data

    def licence(self) -> bytes | None:
        """Read the text of the licence that lies beside the manifest; None where there is none.

        The manifest does not name it, so it has no hash.
        """
        try:
            return self._archive.read(LICENCE, MAX_LICENCE_BYTES)
        except BundleError:
            return None

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
