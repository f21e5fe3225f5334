"""Logits that a training run stored for its validation and test scans."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_train import Run


class Predictions(NamedTuple):
    """Stored logits of one split.

    Attributes
    ----------
    logits
        ``[N, classes] float64`` of each member, by its id.
    targets
        True class indices, ``[N] int64``.
    groups
        Group of each scan, ``[N]``.
    """

    logits: dict[str, NDArray[np.float64]]
    targets: NDArray[np.int64]
    groups: NDArray[np.str_]


def read_predictions(run: Run, split: str) -> Predictions:
    """Read the rows of ``split`` from the run's ``predictions.csv``; every member has the scans in the same order."""
    labels, members = run.record.labels, [member.id for member in run.record.members]
    with (run.folder / "predictions.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split]
    first = [row for row in rows if row["member"] == members[0]]
    return Predictions(
        {
            name: np.array([[float(row[f"logit_{x}"]) for x in labels] for row in rows if row["member"] == name])
            for name in members
        },
        np.array([labels.index(row["label"]) for row in first], np.int64),
        np.array([row["group"] for row in first]),
    )
