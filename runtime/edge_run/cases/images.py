"""Images that are kept beside the log, where somebody asked for it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from .location import make_private_folder, sync_folder

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

HEX = frozenset("0123456789abcdef")


def keep(folder: Path, image: bytes) -> str:
    """Store encoded bytes under their SHA-256, which is returned. A kill leaves the whole file or none of that name."""
    name = hashlib.sha256(image).hexdigest()
    path = folder / name
    make_private_folder(folder)
    if path.exists():
        return name
    unfinished = folder / f"{name}.{os.getpid()}"
    try:
        with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return name


def sweep(folder: Path, wanted: AbstractSet[str]) -> int:
    """Delete every image that is not wanted, and what a kill left unfinished; how many files that were."""
    if not folder.is_dir():
        return 0
    unwanted = [path for path in folder.iterdir() if _is_image(path.name) and path.name not in wanted]
    for path in unwanted:
        path.unlink()
    sync_folder(folder)
    return len(unwanted)


def is_intact(folder: Path, name: str) -> bool:
    """Whether an image is there and is still what its name says."""
    try:
        with (folder / name).open("rb") as file:
            digest = hashlib.sha256()
            while block := file.read(2**20):
                digest.update(block)
    except OSError:
        return False
    return digest.hexdigest() == name


def _is_image(name: str) -> bool:
    return len(name) >= 64 and set(name[:64]) <= HEX and (len(name) == 64 or name[64] == ".")
