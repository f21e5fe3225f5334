"""Folders without a ``splits.csv``: one sub-folder per class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import DataError
from edge_run.scan.inputs import SUFFIXES

from .tables import COLUMNS, listing

if TYPE_CHECKING:
    from pathlib import Path


def class_folders(folder: Path) -> tuple[dict[str, str], list[str]]:
    """List the images below sub-folders named after the classes: relative path -> label, and notes.

    Raises
    ------
    DataError
        No sub-folders, sub-folders named after splits, or one without images.
    """
    classes = sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))
    if not classes:
        raise DataError(
            f"{folder} has neither a splits.csv nor sub-folders named after the classes",
            hint=f"add splits.csv ({','.join(COLUMNS)}), or one sub-folder per class",
        )
    names = ", ".join(sub.name for sub in classes)
    if all(sub.name.lower().startswith(("train", "val", "test")) for sub in classes):
        raise DataError(
            f"the sub-folders of {folder} are named after splits, not classes: {names}",
            hint=f"add splits.csv ({','.join(COLUMNS)}) that names class and patient of every image",
        )
    files = [path.relative_to(folder) for sub in classes for path in sorted(sub.rglob("*")) if path.is_file()]
    visible = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    found = {file.as_posix(): file.parts[0] for file in visible if file.suffix.lower() in SUFFIXES}
    empty = [sub.name for sub in classes if sub.name not in found.values()]
    if empty:
        raise DataError(
            f"{folder} has sub-folders without images:{listing(empty)}",
            hint=f"remove them, or add images ({' '.join(sorted(SUFFIXES))})",
        )
    left_out = len(visible) - len(found)
    return found, [f"{left_out} files without an image suffix are left out"] if left_out else []
