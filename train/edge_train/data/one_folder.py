"""One folder of labelled scans -> a row for each: its label, its split, its group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .duplicates import near_duplicates
from .folder_layout import class_folders, patient_folders, rows_of_splits, split_folders
from .samples import SPLITS
from .splits import assign_splits
from .tables import Row, find_table, read_groups, read_splits

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_folder(folder: Path, seed: int, fractions: tuple[float, float, float]) -> tuple[list[Row], str, list[str]]:
    """Return the rows of a folder, where its split comes from, and notes.

    Raises
    ------
    DataError
        The folder cannot be trained on.
    """
    table = find_table(folder, "splits.csv")
    if table is not None:
        rows = read_splits(table)
        alone = sum(row.group == row.path for row in rows)
        return rows, "splits.csv", [f"{alone} scans have no group and count as one each"] if alone else []
    splits = split_folders(folder)
    if splits:
        rows, notes = rows_of_splits(folder, splits)
        return rows, f"folders {', '.join(path.name for path in splits.values())}", notes
    labels, notes = class_folders(folder)
    groups, source, more = _groups(folder, list(labels))
    drawn = assign_splits(list(labels.values()), groups, seed=seed, fractions=fractions)
    notes += more
    for split, share in zip(SPLITS, fractions, strict=True):
        got = drawn.count(split) / len(drawn)
        if abs(got - share) > 0.05:
            notes.append(f"{split} has {got:.0%} of the scans, not {share:.0%}, because groups stay whole")
    return [Row(*row) for row in zip(labels, labels.values(), drawn, groups, strict=True)], source, notes


def _groups(folder: Path, paths: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """Return the group of each path, what names it, and notes."""
    table = find_table(folder, "groups.csv")
    if table is not None:
        return read_groups(table, paths), "by group", []
    patients = patient_folders(paths)
    if patients:
        alone = len(paths) - len(patients)
        notes = [f"{alone} scans lie in no patient's folder and count as one patient each"] if alone else []
        return [patients.get(path, path) for path in paths], "by patient folders", notes
    first = near_duplicates([folder / path for path in paths])
    note = "no patients are known, so scans of one may stand in two splits; groups.csv would name them"
    return [paths[position] for position in first], "by near-duplicate clusters", [note]
