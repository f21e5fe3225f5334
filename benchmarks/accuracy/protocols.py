"""The two ways to split a set: no patient in two splits, and the literature's way, which tears patients apart."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

from edge_run.errors import UsageError
from edge_train.data.dataset import FRACTIONS
from edge_train.data.splits import assign_splits
from edge_train.data.tables import Row, read_splits, write_rows

if TYPE_CHECKING:
    from pathlib import Path

DATASETS: Final = ("covid-ct", "sars-cov-2-ct", "covid-cxr")
DISJOINT: Final = "patient-disjoint"
LEAKY: Final = "leaky"
PROTOCOLS: Final = (DISJOINT, LEAKY)
TITLES: Final = {DISJOINT: "patient-disjoint", LEAKY: "leaky, for comparison with the literature only"}
INNER: Final = (0.75, 0.25, 0.0)
"""Shares of train and val cut from the training groups of a set whose test scans are not at hand."""


def rows_of(protocol: str, rows: list[Row], seed: int) -> list[Row]:
    """Split a set's scans anew.

    Parameters
    ----------
    protocol
        ``patient-disjoint``: the published split. Where it has no test scans, its val becomes the test, and a quarter
        of its training groups, always the same, becomes the val that chooses the epoch. ``leaky``: 70/15/15 of all
        scans within each class, shuffled by ``seed``, whoever the patient.
    rows
        The published split.

    Raises
    ------
    UsageError
        The protocol is neither.
    """
    if protocol == LEAKY:
        # Each scan is its own group, or the torn groups would be refused, as they should be anywhere else.
        paths = [row.path for row in rows]
        splits = assign_splits([row.label for row in rows], paths, seed=seed, fractions=FRACTIONS)
        return [Row(row.path, row.label, split, row.path) for row, split in zip(rows, splits, strict=True)]
    if protocol != DISJOINT:
        raise UsageError(f"no protocol is called {protocol!r}", hint=f"choose from {', '.join(PROTOCOLS)}")
    if any(row.split == "test" for row in rows):
        return rows
    inner = [row for row in rows if row.split == "train"]
    splits = assign_splits([row.label for row in inner], [row.group for row in inner], seed=0, fractions=INNER)
    held = [row._replace(split="test") for row in rows if row.split == "val"]
    return [row._replace(split=split) for row, split in zip(inner, splits, strict=True)] + held


def link(protocol: str, data: Path, seed: int, out: Path) -> Path:
    """Link the scans of ``data`` into ``out``, with the protocol's ``splits.csv``; whatever was in ``out`` goes."""
    rows = rows_of(protocol, read_splits(data / "splits.csv"), seed)
    shutil.rmtree(out, ignore_errors=True)
    for row in rows:
        place = out / row.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to((data / row.path).resolve())
    write_rows(rows, out / "splits.csv")
    return out
