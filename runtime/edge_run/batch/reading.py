"""Read parts, and verify their chains."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_run.cases.hashing import link
from edge_run.cases.head import Head, read_head

from . import layout, parquet
from .chain import GENESIS, Link, parse_line
from .entry import Key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .shard import Shard


class _Row(msgspec.Struct):
    """The fields that tell which file a row belongs to."""

    path: str
    scan_sha256: str | None = None
    file: str = ""
    frame: int = 1
    frames: int = 1
    error: object = None


class Fault(msgspec.Struct, frozen=True):
    """Something that is wrong with a part; ``row`` is 0 where it is the part as a whole."""

    part: str
    row: int
    message: str


class Answered(NamedTuple):
    """The file that a row answers, which frame of it (from 1) of how many, and whether the row is an error."""

    key: Key
    frame: int
    frames: int
    failed: bool


def answered(text: str | bytes) -> Answered | None:
    """Return which file a row is of; None where the text is no row."""
    try:
        row = msgspec.json.decode(text, type=_Row)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    return Answered(Key(row.scan_sha256, row.file or row.path), row.frame, row.frames, row.error is not None)


def links(part: Path) -> Iterator[Link]:
    """Yield the rows of a part as they are.

    Raises
    ------
    OSError
        It cannot be read.
    """
    if part.suffix == layout.PARQUET:
        yield from parquet.read(part)
        return
    with part.open("rb") as file:
        for line in file:
            # The last line of an open part may not be written yet, or never was.
            if line.endswith(b"\n") or part.suffix != layout.OPEN:
                yield parse_line(line)


def verified(part: Path, faults: list[Fault]) -> Iterator[str]:
    """Yield the rows of a part that fit their hashes; the faults go into a list.

    After a fault, the chain continues as if the row were as it was written.
    """
    previous, count = GENESIS, 0
    try:
        for count, one in enumerate(links(part), 1):
            if one.hash and link(previous, one.text) == one.hash:
                yield one.text
            else:
                message = f"row {count} does not fit its hash: it was altered, or the one before it"
                faults.append(Fault(part.name, count, message))
            previous = one.hash
    except OSError as error:
        faults.append(Fault(part.name, count, f"it cannot be read: {error}"))
    if part.suffix != layout.OPEN:
        faults.extend(_head_faults(part, Head(count, previous)))


def _head_faults(part: Path, last: Head) -> list[Fault]:
    head = read_head(part)
    if head is None:
        return [Fault(part.name, 0, f"the file {part.name}.head is missing: rows lost at the end would not show")]
    if head.seq > last.seq:
        return [Fault(part.name, last.seq, f"rows {last.seq + 1} to {head.seq} are missing at the end")]
    return [] if head == last else [Fault(part.name, head.seq, f"row {last.seq} is not the one that its .head names")]


def intact_length(part: Path) -> tuple[int, Head]:
    """Return how many bytes of an open part are whole items that fit their hashes, and the head there."""
    length, head, position, previous = 0, Head(0, GENESIS), 0, GENESIS
    with part.open("rb") as file:
        for count, line in enumerate(file, 1):
            one = parse_line(line)
            row = answered(one.text)
            if not line.endswith(b"\n") or row is None or link(previous, one.text) != one.hash:
                break
            position, previous = position + len(line), one.hash
            if row.frame == row.frames:
                length, head = position, Head(count, previous)
    return length, head


def done(folder: Path, shard: Shard, *, retry_errors: bool = False) -> Iterator[Key]:
    """Yield the files that have all their rows in the output, those of a shard at least.

    Parameters
    ----------
    retry_errors
        Leave out those whose row is an error.
    """
    for part in layout.all_parts(folder):
        for one in links(part) if shard.may_have_rows_in(part.name) else ():
            row = answered(one.text)
            # Rows of one file stand together, so that its last frame tells that all are there.
            if row is not None and row.frame == row.frames and not (retry_errors and row.failed):
                yield row.key
