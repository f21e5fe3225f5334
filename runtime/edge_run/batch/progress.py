"""Write what is answered, and count it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .chain import Record
    from .part import PartWriter

    Answers = Iterable[tuple[int, list[Record]]]
    """How many files are answered, and their rows."""


class Work(msgspec.Struct):
    """What a process did.

    Attributes
    ----------
    part
        Of the archive: ``shard 3/16``, or ``ray``.
    files
        That belong to it.
    before
        Of them, those that were answered before it began.
    answered
        Of them, those that it wrote rows for; errors included.
    errors
        Of these, those that could not be answered.
    """

    part: str
    files: int
    before: int
    answered: int = 0
    errors: int = 0


def write(answers: Answers, writer: PartWriter, work: Work, shown: Callable[[Work], None]) -> None:
    """Write rows as they come, and count them."""
    for files, rows in answers:
        writer.append(rows)
        work.answered += files
        work.errors += sum("error" in row for row in rows)
        shown(work)
