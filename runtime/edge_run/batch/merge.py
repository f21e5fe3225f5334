"""Join the parts: verify every chain, find what is missing and what is double, and write one table.

The table is sorted by hash, name and frame, so that its bytes depend on the answers alone: not on the number of shards,
the order of the work, what was killed, or whether Ray did it. Rows and list are first distributed into buckets by the
beginning of the hash, so that memory stays small for any archive.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from edge_run._files import replacing
from edge_run._text import utf8
from edge_run.errors import UsageError

from . import layout
from .entry import Key
from .listing import lists, read_list
from .reading import Fault, answered, verified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .chain import Record

BUCKETS = 128
MAX_NAMED = 20
TABLE = "answers.jsonl"


class Merged(msgspec.Struct):
    """What the parts hold, compared with the list.

    Attributes
    ----------
    parts, open_parts
        How many there are; open ones belong to a shard that runs, or was killed and not run again.
    listed
        Files in the lists; 0 where there is no list.
    answered, errors
        Files with an answer, and files with a row that says why there is none.
    missing
        Listed files without a row, the first of which are named.
    double
        Files that were answered more than once, with the same answer, of which one is kept.
    differing
        Files that were answered more than once, not always with the same answer, the first of which are named.
    unlisted
        Files with a row that no list names.
    copies
        Files whose content another file has as well.
    faults
        What is wrong with the chains.
    """

    parts: int = 0
    open_parts: int = 0
    listed: int = 0
    answered: int = 0
    errors: int = 0
    missing: int = 0
    missing_files: list[str] = msgspec.field(default_factory=list)
    double: int = 0
    differing: int = 0
    differing_files: list[str] = msgspec.field(default_factory=list)
    unlisted: int = 0
    copies: int = 0
    faults: list[Fault] = msgspec.field(default_factory=list)


class _Buckets:
    """Lines in files by the first two digits of a hash."""

    def __init__(self, folder: Path, name: str, stack: ExitStack) -> None:
        self._files = [stack.enter_context((folder / f"{name}-{n:02x}").open("w+b")) for n in range(BUCKETS)]

    def add(self, identity: str, line: bytes) -> None:
        """Put a line, without its line feed, into its bucket."""
        self._files[int(identity[:2], 16) * BUCKETS // 256].write(line + b"\n")

    def take(self, number: int) -> list[bytes]:
        """Return the lines of a bucket, and forget them."""
        file = self._files[number]
        file.seek(0)
        lines = file.read().splitlines()
        file.truncate(0)
        return lines


class _Row(NamedTuple):
    """A row, which file it answers, which frame of it (from 1), and of how many."""

    key: Key
    frame: int
    frames: int
    failed: bool
    text: bytes


Answer = list[_Row]
"""The rows of one file, in the order of its frames."""


def merge(
    folder: Path, each: Callable[[Record], None], progress: Callable[[int, int], None] = lambda _d, _o: None
) -> Merged:
    """Merge an output folder into ``answers.jsonl``.

    Parameters
    ----------
    each
        Called with every row of the table, in its order.
    progress
        Called with the number of parts that are read, and of all.

    Raises
    ------
    UsageError
        The folder holds no parts, or a list cannot be read.
    """
    parts = list(layout.all_parts(folder))
    if not parts:
        raise UsageError(f"{folder} holds no answers", hint="edge-run batch PATHS --out DIR writes some")
    merged = Merged(len(layout.sealed_parts(folder)), len(layout.open_parts(folder)))
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(prefix=".merge-", dir=folder))
        unfinished = stack.enter_context(replacing(folder / TABLE))
        rows, listed = _Buckets(Path(place), "rows", stack), _Buckets(Path(place), "list", stack)
        for number, part in enumerate(parts, 1):
            for text in verified(part, merged.faults):
                if (found := answered(text)) is not None:
                    rows.add(found.key.identity, text.encode("utf-8", "surrogateescape"))
            progress(number, len(parts))
        cured = _distribute_lists(folder, listed, merged)
        with unfinished.open("wb") as file:
            for number in range(BUCKETS):
                for row in _merge_bucket(rows.take(number), listed.take(number), cured, merged):
                    file.write(row.text + b"\n")
                    each(msgspec.json.decode(row.text))
    return merged


def _distribute_lists(folder: Path, buckets: _Buckets, merged: Merged) -> set[str]:
    """Distribute what the lists name; return the files that one list could not read and another could."""
    paths = lists(folder)
    unreadable = {entry.path for path in paths for entry in read_list(path) if entry.sha256 is None}
    cured: set[str] = set()
    for path in paths:
        for entry in read_list(path):
            merged.listed += 1
            buckets.add(entry.key.identity, msgspec.json.encode(entry.key))
            if entry.path in unreadable and entry.sha256 is not None:
                cured.add(utf8(entry.path))
    return cured


def _merge_bucket(texts: list[bytes], listed: list[bytes], cured: set[str], merged: Merged) -> Iterator[_Row]:
    """Yield the rows of a bucket that belong into the table, in its order, and count."""
    names = [Key(*msgspec.json.decode(line, type=tuple[str | None, str])) for line in listed]
    wanted = {key for key in names if key.sha256 is not None or key.file not in cured}
    # A file that two lists name is one file.
    merged.listed -= len(names) - len(wanted)
    rows = sorted(map(_row, texts), key=lambda row: (row.key.identity, row.key.file))
    seen, contents = set[Key](), Counter[str | None]()
    for key, group in groupby(rows, key=lambda row: row.key):
        answers = _answers(group)
        if not answers or (key.sha256 is None and key.file in cured):
            continue
        seen.add(key)
        contents[key.sha256] += 1
        yield from _kept(answers, merged)
    merged.copies += sum(count - 1 for sha256, count in contents.items() if sha256)
    missing = sorted(key.file for key in wanted - seen)
    merged.missing += len(missing)
    merged.missing_files += missing[: MAX_NAMED - len(merged.missing_files)]
    merged.unlisted += len(seen - wanted) if merged.listed else 0


def _row(text: bytes) -> _Row:
    row = answered(text)
    assert row is not None  # noqa: S101 - others were not distributed
    return _Row(row.key, row.frame, row.frames, row.failed, text)


def _answers(rows: Iterable[_Row]) -> list[Answer]:
    """Take the rows of one file apart into answers; one that lacks a frame, whose row was damaged, is left out."""
    answers: list[Answer] = []
    for row in rows:
        if row.frame == 1:
            answers.append([])
        if answers and row.frame == len(answers[-1]) + 1:
            answers[-1].append(row)
    return [answer for answer in answers if len(answer) == answer[0].frames]


def _kept(answers: list[Answer], merged: Merged) -> Answer:
    """Choose among the answers of one file: one that is no error, and always the same one."""
    good = [answer for answer in answers if not answer[0].failed] or answers[-1:]
    merged.errors += good[0][0].failed
    merged.answered += not good[0][0].failed
    if len(good) > 1:
        different = {tuple(row.text for row in answer) for answer in good}
        merged.double += len(different) == 1
        merged.differing += len(different) > 1
        if len(different) > 1 and len(merged.differing_files) < MAX_NAMED:
            merged.differing_files.append(good[0][0].key.file)
    return min(good, key=lambda answer: [row.text for row in answer])
