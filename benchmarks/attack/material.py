"""A small bundle with a network of the embedded one, and ways to change it as an attacker would."""

from __future__ import annotations

import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any

from edge_run.bundle.installed import BUILT_IN

if TYPE_CHECKING:
    from pathlib import Path

MEMBER, PRECISION = "resnet18", "int8-cpu"


def small_bundle(folder: Path) -> Path:
    """Write a bundle with one member of ``ct-covid``, 11 MB, and return its folder."""
    source = BUILT_IN / "ct-covid"
    manifest = json.loads((source / "bundle.json").read_bytes())
    (member,) = [one for one in manifest["members"] if one["id"] == MEMBER]
    member["weight"], member["artefacts"] = 1.0, {PRECISION: member["artefacts"][PRECISION]}
    manifest |= {"members": [member], "stages": [[MEMBER]], "name": "small"}
    for part in ("flags", "parity", "evaluation", "profile"):
        manifest[part] = {PRECISION: manifest[part][PRECISION]}
    manifest["reference"]["tolerance"] = {PRECISION: manifest["reference"]["tolerance"][PRECISION]}
    manifest["flags"][PRECISION]["disagreement"] = None
    for file in files_of(manifest):
        (folder / file["path"]).parent.mkdir(parents=True, exist_ok=True)
        (folder / file["path"]).write_bytes((source / file["path"]).read_bytes())
    write_manifest(folder, manifest)
    return folder


def files_of(value: object) -> list[dict[str, Any]]:
    """Return the entries of a manifest that describe files."""
    if isinstance(value, dict):
        own = [value] if {"path", "sha256", "bytes"} <= value.keys() else []
        return own + [file for part in value.values() for file in files_of(part)]
    return [file for part in value for file in files_of(part)] if isinstance(value, list) else []


def read_manifest(folder: Path) -> Any:  # noqa: ANN401 - JSON
    """Return ``bundle.json``."""
    return json.loads((folder / "bundle.json").read_bytes())


def write_manifest(folder: Path, manifest: object) -> None:
    """Write ``bundle.json``."""
    (folder / "bundle.json").write_text(json.dumps(manifest))


def put(folder: Path, path: str, data: bytes) -> None:
    """Replace a file, and its size and hash in the manifest."""
    (folder / path).write_bytes(data)
    manifest = read_manifest(folder)
    for file in files_of(manifest):
        if file["path"] == path:
            file |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    write_manifest(folder, manifest)


def network_path(folder: Path) -> str:
    """Return the path of the bundle's network."""
    return str(read_manifest(folder)["members"][0]["artefacts"][PRECISION]["file"]["path"])


def zipped(folder: Path, target: Path, *, compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a bundle's folder as a zip."""
    with zipfile.ZipFile(target, "w", compression) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(file, file.relative_to(folder).as_posix())
    return target
