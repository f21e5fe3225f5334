"""How a folder of labelled scans is laid out: class folders, split folders, patients, and the tables beside them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from edge_run.errors import DataError
from edge_run.scan.inputs import SUFFIXES, is_image

from .tables import COLUMNS, Row, listing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SPLIT_NAMES: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders of a split are called, in any case."""

NOT_PATIENTS: Final = frozenset({
    "image", "images", "img", "imgs", "picture", "pictures", "scan", "scans", "slice", "slices", "data", "raw",
    "png", "jpg", "jpeg", "tif", "tiff", "dicom", "dcm",
    "mask", "masks", "label", "labels", "segmentation", "segmentations", "annotations",
})  # fmt: skip
"""Sub-folders of a class that name what is in them and no patient."""

_TABLE = f"add splits.csv ({','.join(COLUMNS)}) that names class and patient of every image"


def split_folders(folder: Path) -> dict[str, Path]:
    """Find sub-folders named after splits: the split of each; empty where the sub-folders are classes.

    Raises
    ------
    DataError
        Only some are named after splits, or two after the same, or they hold images that no class folder is around.
    """
    subs = _sub_folders(folder)
    named = [sub for sub in subs if sub.name.lower() in SPLIT_NAMES]
    names = ", ".join(sub.name for sub in subs)
    alike = all(sub.name.lower().startswith(("train", "val", "test")) for sub in subs)
    if not named and not (alike and subs):
        return {}
    found = {SPLIT_NAMES[sub.name.lower()]: sub for sub in named}
    if len(found) < len(subs):
        raise DataError(f"the sub-folders of {folder} are partly named after splits: {names}", hint=_TABLE)
    without = [sub.name for sub in named if not _sub_folders(sub)]
    if without:
        raise DataError(
            f"the sub-folders of {folder} are named after splits, not classes: {', '.join(without)}", hint=_TABLE
        )
    return found


def rows_of_splits(folder: Path, splits: dict[str, Path]) -> tuple[list[Row], list[str]]:
    """List the images below ``train/CLASS``, ``val/CLASS``, ``test/CLASS`` as rows, and notes.

    Raises
    ------
    DataError
        As `class_folders`, or a patient's folder stands in two splits.
    """
    rows: list[Row] = []
    notes: list[str] = []
    for split, below in splits.items():
        labels, more = class_folders(below)
        patients = patient_folders(labels)
        notes += [f"{below.name}: {note}" for note in more]
        for path, label in labels.items():
            name = f"{below.relative_to(folder).as_posix()}/{path}"
            patient = patients.get(path, "")
            rows.append(Row(name, label, split, f"{label}/{patient}" if patient else name))
    homes: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        homes[row.group].add(row.split)
    torn = [f"{group}: {', '.join(sorted(found))}" for group, found in homes.items() if len(found) > 1]
    if torn:
        raise DataError(
            f"{folder} has folders of the same patient in more than one split:{listing(torn)}",
            hint="put all scans of a patient into one split, or rename folders of different patients",
        )
    alone = sum(row.group == row.path for row in rows)
    return rows, notes + ([f"{alone} scans have no group and count as one each"] if alone else [])


def class_folders(folder: Path) -> tuple[dict[str, str], list[str]]:
    """List the images below sub-folders named after the classes: relative path -> label, and notes.

    DICOM files count as images also where their name has no suffix. What is left out is named in the notes.

    Raises
    ------
    DataError
        There are no sub-folders, or one has no image.
    """
    classes = _sub_folders(folder)
    if not classes:
        raise DataError(
            f"{folder} has neither a splits.csv nor sub-folders named after the classes",
            hint=f"add splits.csv ({','.join(COLUMNS)}), or one sub-folder per class",
        )
    files = [path.relative_to(folder) for sub in classes for path in sorted(sub.rglob("*")) if path.is_file()]
    visible = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    images = {file.as_posix(): file.parts[0] for file in visible if is_image(folder / file)}
    rest = [file.as_posix() for file in visible if file.as_posix() not in images]
    empty = [sub.name for sub in classes if sub.name not in images.values()]
    notes = _left_out(rest)
    if empty:
        raise DataError(
            f"{folder} has sub-folders without images:{listing(empty)}" + "".join(f"\n{note}" for note in notes),
            hint=f"remove them, or add images ({' '.join(sorted(SUFFIXES))})",
        )
    return images, notes


def patient_folders(paths: Iterable[str]) -> dict[str, str]:
    """Return the patient of each image that lies in a folder of its class, by path; empty where there are none.

    Parameters
    ----------
    paths
        ``CLASS/PATIENT/.../IMAGE``.
    """
    patients = {path: path.split("/")[1] for path in paths if path.count("/") > 1}
    named = {patient.lower() for patient in patients.values()}
    return {} if named & NOT_PATIENTS or len(named) < 2 else patients


def _sub_folders(folder: Path) -> list[Path]:
    return sorted(sub for sub in folder.iterdir() if sub.is_dir() and not sub.name.startswith("."))


def _left_out(files: list[str]) -> list[str]:
    volumes = [file for file in files if file.lower().endswith((".nii", ".nii.gz"))]
    others = [file for file in files if file not in volumes]
    notes = []
    if volumes:
        notes.append(
            f"{len(volumes)} NIfTI volumes are left out, since only single slices are read (save them as DICOM or PNG):"
            + listing(volumes)
        )
    if others:
        notes.append(f"{len(others)} files are left out, since they are no images:{listing(others)}")
    return notes
