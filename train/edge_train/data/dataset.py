"""Folders of labelled scans -> a checked data set whose groups (patients) each stand in one split."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from edge_run._files import sha256_file
from edge_run.errors import DataError

from .decode import Scans, decode
from .duplicates import near_duplicates, same_bytes
from .splits import SPLITS, Row, assign_splits, class_folders, listing, read_groups, read_splits, write_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Dataset", "Sample", "Scans", "decode", "read_folders", "write_splits_csv"]

FRACTIONS: Final = (0.7, 0.15, 0.15)


@dataclass(frozen=True)
class Sample:
    """One labelled scan.

    Attributes
    ----------
    path
        Where it lies.
    name
        Folder name and path in it, ``covid-ct/covid/x.jpg``: unique over joined folders.
    label
        Its class.
    split
        ``train``, ``val`` or ``test``.
    group
        Patient, source or near-duplicate cluster, preceded by the folder because ids repeat between sets.
    sha256
        Of the file's bytes.
    """

    path: Path
    name: str
    label: str
    split: str
    group: str
    sha256: str = ""


@dataclass(frozen=True)
class Dataset:
    """Labelled scans, checked: no group in two splits, every label in every split that is there.

    Attributes
    ----------
    labels
        Class names; a target is a position in it.
    samples
        Sorted by name.
    split_source
        ``splits.csv``, ``by group`` or ``by near-duplicate clusters``; per folder where they differ.
    warnings
        What a reader of the results should know, one sentence each.
    """

    labels: tuple[str, ...]
    samples: tuple[Sample, ...]
    split_source: str
    warnings: tuple[str, ...] = ()

    def of(self, split: str) -> Dataset:
        """Return the part in one split, empty where there is none."""
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}, expected one of {SPLITS}")
        return replace(self, samples=tuple(sample for sample in self.samples if sample.split == split))

    @property
    def targets(self) -> NDArray[np.int64]:
        """Class index of each sample, ``[N] int64``."""
        index = {label: position for position, label in enumerate(self.labels)}
        return np.array([index[sample.label] for sample in self.samples], np.int64)

    @property
    def groups(self) -> list[str]:
        """Group of each sample, ``[N]``."""
        return [sample.group for sample in self.samples]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted (name, label, split, group, file SHA-256), wherever the folder lies."""
        rows = sorted((s.name, s.label, s.split, s.group, s.sha256) for s in self.samples)
        return hashlib.sha256("\n".join(json.dumps(row) for row in rows).encode()).hexdigest()


def read_folders(
    folders: Sequence[Path],
    *,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    fractions: tuple[float, float, float] = FRACTIONS,
    required_splits: Sequence[str] = ("train", "val"),
) -> Dataset:
    """Read, check and join folders of labelled scans.

    A folder has a ``splits.csv`` (``path,label,split,group``), or one sub-folder per class. The latter is
    split here: by group where a ``groups.csv`` (``path,group``) names them, by clusters of near-duplicates
    otherwise.

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
        rows, sources[name], notes = _read_folder(folder, seed, fractions)
        warnings += [f"{name}: {note}" for note in notes]
        samples += _samples(name, folder, rows)
    samples.sort(key=lambda sample: sample.name)
    order = _labels(samples, sources, labels)
    _check_splits(samples, order, required_splits)
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


def _read_folder(folder: Path, seed: int, fractions: tuple[float, float, float]) -> tuple[list[Row], str, list[str]]:
    """Rows of one folder, where its split comes from, and notes."""
    if (folder / "splits.csv").is_file():
        rows = read_splits(folder / "splits.csv")
        alone = sum(row.group == row.path for row in rows)
        return rows, "splits.csv", [f"{alone} scans have no group and count as one each"] if alone else []
    labels, notes = class_folders(folder)
    paths = list(labels)
    if (folder / "groups.csv").is_file():
        groups, source = read_groups(folder / "groups.csv", paths), "by group"
    else:
        first = near_duplicates([folder / path for path in paths])
        groups, source = [paths[position] for position in first], "by near-duplicate clusters"
        notes.append("no patients are known, so scans of one may stand in two splits; groups.csv would name them")
    splits = assign_splits(list(labels.values()), groups, seed=seed, fractions=fractions)
    for split, share in zip(SPLITS, fractions, strict=True):
        got = splits.count(split) / len(splits)
        if abs(got - share) > 0.05:
            notes.append(f"{split} has {got:.0%} of the scans, not {share:.0%}, because groups stay whole")
    return [Row(*row) for row in zip(paths, labels.values(), splits, groups, strict=True)], source, notes


def _samples(name: str, folder: Path, rows: Sequence[Row]) -> list[Sample]:
    missing = [row.path for row in rows if not (folder / row.path).is_file()]
    if missing:
        raise DataError(
            f"{len(missing)} files that {folder / 'splits.csv'} names are missing:{listing(missing)}",
            hint="restore the files or remove their lines; paths are relative to the folder of splits.csv",
        )
    return [
        Sample(file, f"{name}/{row.path}", row.label, row.split, f"{name}/{row.group}", _sha256(file))
        for row in rows
        for file in [folder / row.path]
    ]


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="check its permissions") from error


def _labels(samples: Sequence[Sample], names: Mapping[str, str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    found: dict[str, set[str]] = {
        name: {sample.label for sample in samples if sample.name.startswith(f"{name}/")} for name in names
    }
    first, *others = found
    for other in others:
        if found[other] != found[first]:
            only = [
                f"{name} alone has {', '.join(sorted(found[name] - found[rest]))}"
                for name, rest in ((first, other), (other, first))
                if found[name] - found[rest]
            ]
            raise DataError(
                f"the folders {first} and {other} have different labels: {'; '.join(only)}",
                hint="rename the labels so that they agree, or use the folders one at a time",
            )
    order = tuple(sorted(found[first]) if wanted is None else wanted)
    unknown = sorted(found[first] - set(order))
    if unknown:
        raise DataError(
            f"unknown labels {', '.join(unknown)}; expected {', '.join(order)}",
            hint="correct the labels of the folder",
        )
    if len(set(order)) < len(order):
        raise DataError(f"a label is named twice: {', '.join(order)}", hint="name each label once")
    if len(found[first]) < 2:
        raise DataError(
            f"only one class is there: {', '.join(found[first])}",
            hint="add scans of at least one other class",
        )
    return order


def _check_splits(samples: Sequence[Sample], labels: Sequence[str], required: Sequence[str]) -> None:
    there: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        there[sample.split].add(sample.label)
    for split in required:
        if split not in there:
            raise DataError(
                f"no scan is in the split {split}",
                hint=f"add scans, or give groups of each class the split {split}",
            )
    lacking = [
        f"{split}: {', '.join(gone)}"
        for split in SPLITS
        if split in there and (gone := [x for x in labels if x not in there[split]])
    ]
    if lacking:
        raise DataError(
            f"labels are missing from splits that are there:{listing(lacking)}",
            hint="each class needs at least one group per split: add scans, or edit the splits",
        )
