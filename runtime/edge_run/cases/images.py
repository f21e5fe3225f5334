"""Images that are stored beside the log with ``--keep-images``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run._files import replace_file, sha256, sha256_file, sweep_unfinished, sync_folder

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from pathlib import Path

HEX = frozenset("0123456789abcdef")


def keep(folder: Path, image: bytes) -> str:
    """Store encoded bytes under their SHA-256, which is returned; a kill leaves the whole file or none."""
    name = sha256(image)
    if not (folder / name).exists():
        replace_file(folder / name, image)
    return name


def sweep(folder: Path, wanted: AbstractSet[str]) -> int:
    """Delete every image that is not wanted and every unfinished file, and return how many files that were."""
    if not folder.is_dir():
        return 0
    unwanted = [path for path in folder.iterdir() if _is_image(path.name) and path.name not in wanted]
    for path in unwanted:
        path.unlink()
    swept = len(unwanted) + sweep_unfinished(folder)
    sync_folder(folder)
    return swept


def is_intact(folder: Path, name: str) -> bool:
    """Whether an image exists and its hash is still its name."""
    try:
        return sha256_file(folder / name) == name
    except OSError:
        return False


def _is_image(name: str) -> bool:
    return len(name) >= 64 and set(name[:64]) <= HEX and (len(name) == 64 or name[64] == ".")
