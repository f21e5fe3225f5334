"""The record of one training, and the file that keeps one per line."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from edge_run.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

Figures = dict[str, float | None]
"""The fields of :class:`edge_run.metrics.figures.Metrics`; None where the scans cannot give one."""

ENSEMBLE = "ensemble"


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is trained: two equal trials are one row.

    Attributes
    ----------
    arm
        ``ce`` or ``os``.
    source
        The set of the source stage, empty without one.
    init
        Name of the folder of starting weights, or ``imagenet``, ``none``.
    """

    dataset: str
    protocol: str
    arm: str
    source: str
    seed: int
    members: tuple[str, ...]
    size: int
    epochs: int
    init: str


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One finished trial.

    Attributes
    ----------
    test, val
        Figures of each member at its temperature, and of their vote under the name ``ensemble``. Temperatures and
        weights were fitted on val.
    uncalibrated
        Figures of each member on test at temperature 1.
    scans
        Per split and label.
    initial_sha256
        Of each member's state before its training on the set itself, head included: the same weights everywhere?
    seconds
        Of the whole training; None where it was resumed.
    """

    trial: Trial
    test: dict[str, Figures]
    val: dict[str, Figures]
    uncalibrated: dict[str, Figures]
    scans: dict[str, dict[str, int]]
    config: dict[str, Any]
    versions: dict[str, str]
    arithmetic: str
    device: str
    threads: int
    seconds: float | None
    created: str
    initial_sha256: dict[str, str] = {}


def read(paths: Iterable[Path]) -> list[Row]:
    """Rows of several files, the first of each trial; a last line that a kill cut short is left out.

    Raises
    ------
    DataError
        Another line is no row.
    """
    found: dict[Trial, Row] = {}
    for path in paths:
        for row in _parse(path)[0]:
            found.setdefault(row.trial, row)
    return list(found.values())


def networks(rows: Sequence[Row]) -> list[str]:
    """The members of rows of one setting, and the ensemble where it is more than one of them."""
    members = rows[0].trial.members
    return [*members, ENSEMBLE] if len(members) > 1 else list(members)


def append(path: Path, row: Row) -> None:
    """Add one line; several processes may. A last line that a kill cut short is dropped first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file, _alone(file.fileno()):
        _, whole = _parse(path)
        file.truncate(whole)
        file.write(msgspec.json.encode(row) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _parse(path: Path) -> tuple[list[Row], int]:
    """Rows of one file, and the length in bytes of the lines that are whole."""
    if not path.exists():
        return [], 0
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    rows = []
    for number, line in enumerate(content[:whole].splitlines(), start=1):
        try:
            rows.append(msgspec.json.decode(line, type=Row))
        except msgspec.DecodeError as error:
            raise DataError(f"{path}, line {number} is no row: {error}", hint="remove the line") from error
    return rows, whole


@contextmanager
def _alone(descriptor: int) -> Iterator[None]:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
