"""Folders of labelled scans -> a checked data set whose groups (patients) each stand in one split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge_run._files import sha256_file
from edge_run.errors import DataError

from .checks import agreed_labels, check_splits
from .decode import DecodedScans, decode
from .duplicates import same_bytes
from .one_folder import read_folder
from .samples import Dataset, Sample
from .tables import Row, listing, write_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Dataset", "DecodedScans", "Sample", "decode", "read_folders", "write_splits_csv"]

FRACTIONS: Final = (0.7, 0.15, 0.15)


def read_folders(
    folders: Sequence[Path],
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: tuple[float, float, float] = FRACTIONS,
    required_splits: Sequence[str] = ("train", "val"),
) -> Dataset:
    """Read, check and join folders of labelled scans.

    A folder has a ``splits.csv`` (``path,label,split,group``), or sub-folders ``train``, ``val`` and ``test`` with one
    sub-folder per class, or just one sub-folder per class. The latter is split here: by group where a ``groups.csv``
    (``path,group``) or sub-folders of the classes name patients, by clusters of near-duplicates otherwise.

    Parameters
    ----------
    folders
        At least one. Near-duplicates are looked for within each, not across them.
    labels
        Class names in the order wanted; sorted names where not given.
    seed, fractions
        Of the split made here: shares of train, val and test.
    required_splits
        Splits that must not be empty.

    Raises
    ------
    DataError
        The folder cannot be trained on; the message names every place, ``hint`` the step that puts it right.
    """
    samples: list[Sample] = []
    sources: dict[str, str] = {}
    warnings: list[str] = []
    for name, folder in _names(folders).items():
        rows, sources[name], notes = read_folder(folder, seed, fractions)
        warnings += [f"{name}: {note}" for note in notes]
        samples += _samples(name, folder, rows)
    samples.sort(key=lambda sample: sample.name)
    order = agreed_labels(samples, sources, labels)
    check_splits(samples, order, required_splits)
    warnings += same_bytes(samples)
    single = set(sources.values())
    source = single.pop() if len(single) == 1 else "; ".join(f"{name}: {how}" for name, how in sources.items())
    return Dataset(order, tuple(samples), source, tuple(warnings))


def write_splits_csv(dataset: Dataset, path: Path) -> None:
    """Write the split as ``path,label,split,group``.

    Written into the folder of the scans, paths are relative to it and `read_folders` finds the same split
    again. Written anywhere else (a run directory), paths are the samples' names and groups keep their folder.
    """
    base = path.resolve().parent
    beside = all(sample.path.is_relative_to(base) for sample in dataset.samples)
    rows = []
    for sample in dataset.samples:
        name, group = sample.name, sample.group
        if beside:
            name = sample.path.relative_to(base).as_posix()
            group = group.removeprefix(sample.name.removesuffix(name)) if sample.name.endswith(name) else group
        rows.append(Row(name, sample.label, sample.split, group))
    write_rows(rows, path)


def _names(folders: Sequence[Path]) -> dict[str, Path]:
    """Shortest ends of the paths that tell the folders apart -> the folders."""
    found = [Path(folder).resolve() for folder in folders]
    missing = [str(folder) for folder in found if not folder.is_dir()]
    if missing or not found:
        raise DataError(
            f"no such folder:{listing(missing)}" if missing else "no folder is given",
            hint="give the folder that holds splits.csv or the classes",
        )
    if len(set(found)) < len(found):
        raise DataError("a folder is given twice", hint="name each folder once")
    depth = 1
    while len({folder.parts[-depth:] for folder in found}) < len(found):
        depth += 1
    return {"/".join(folder.parts[-depth:]): folder for folder in found}


def _samples(name: str, folder: Path, rows: Sequence[Row]) -> list[Sample]:
    missing = [row.path for row in rows if not (folder / row.path).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} files that {folder / 'splits.csv'} names are missing:{listing(missing)}",
            hint="restore the files or remove their lines; paths are relative to the folder of splits.csv",
        )
    return [
        Sample(file, f"{name}/{row.path}", row.label, row.split, f"{name}/{row.group}", _sha256(file), name)
        for row in rows
        for file in [folder / row.path]
    ]


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error
