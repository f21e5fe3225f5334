"""Answers -> rows of the output: the record of ``edge-run predict --json``, the same from every machine.

What differs from one run to the next is left out: ``timing_ms``. A row of a file with several frames also has ``file``,
the file's name, ``frame``, from 1, and ``frames``, how many rows the file has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run._text import utf8
from edge_run.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_run.ensemble.predict_many import ScanResult
    from edge_run.voting.prediction import Prediction

    from .chain import Record
    from .entry import Item


def rows_of(item: Item, results: Sequence[ScanResult]) -> list[Record]:
    """Make the rows of an item: one for each file and frame.

    Parameters
    ----------
    results
        Of the item's first path, one for each frame.
    """
    (first, *_), error = item.paths, next((one.error for one in results if one.error), None)
    if error is None and any(one.prediction and one.prediction.scan_sha256 != item.sha256 for one in results):
        error = InputError(
            f"{first} has changed since it was listed.", hint="edge-run batch list, then run the shard again"
        )
    if error is not None:
        return [error_row(path, item.sha256, error, first) for path in item.paths]
    predictions = [one.prediction for one in results if one.prediction]
    return [
        _row(one, path, first, (frame, len(predictions)))
        for path in item.paths
        for frame, one in enumerate(predictions, 1)
    ]


def error_row(path: str, sha256: str | None, error: InputError, named: str = "") -> Record:
    """Make the row of a file that has no answer; ``named`` is the path that the error's message names."""
    details = error.to_dict()
    if named and path != named:
        details["message"] = details["message"].replace(utf8(named), utf8(path))
    return {"path": utf8(path), "scan_sha256": sha256, "error": details}


def _row(prediction: Prediction, path: str, first: str, place: tuple[int, int]) -> Record:
    record = prediction.to_dict()
    del record["timing_ms"]
    record["path"] = utf8(path) + str(record["path"]).removeprefix(utf8(first))
    frame, frames = place
    return {**record, "file": utf8(path), "frame": frame, "frames": frames} if frames > 1 else record
