"""What every joined data set must fulfil: the same labels in each folder, and every label in every split."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from edge_run.errors import DataError

from .samples import SPLITS
from .tables import listing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .samples import Sample


def agreed_labels(samples: Sequence[Sample], names: Mapping[str, str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Return the labels of a data set, which every folder must have in common.

    Parameters
    ----------
    names
        Name of each folder, the beginning of its samples' names.
    wanted
        Labels in the order wanted; sorted where not given.

    Raises
    ------
    DataError
        Two folders have different labels, a label is not among ``wanted``, or there is only one.
    """
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


def check_splits(samples: Sequence[Sample], labels: Sequence[str], required: Sequence[str]) -> None:
    """Check that the required splits are there and that every split has scans of every label.

    Raises
    ------
    DataError
        A required split has no scan, or a split lacks a label.
    """
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
