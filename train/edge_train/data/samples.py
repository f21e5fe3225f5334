"""A labelled scan, and a data set of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SPLITS: Final = ("train", "val", "test")


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
    folder
        Name of the data folder it comes from.
    """

    path: Path
    name: str
    label: str
    split: str
    group: str
    sha256: str = ""
    folder: str = ""


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
        ``splits.csv``, ``folders train, val, test``, ``by group``, ``by patient folders`` or
        ``by near-duplicate clusters``; per folder where they differ.
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
    def folders(self) -> list[str]:
        """Data folder of each sample, ``[N]``."""
        return [sample.folder for sample in self.samples]

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the sorted (name, label, split, group, file SHA-256), wherever the folder lies."""
        rows = sorted((s.name, s.label, s.split, s.group, s.sha256) for s in self.samples)
        return hashlib.sha256("\n".join(json.dumps(row) for row in rows).encode()).hexdigest()
