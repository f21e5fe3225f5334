"""The one place that writes to standard output: lines for a person, or JSON, JSON lines, CSV for programs."""

from __future__ import annotations

import csv
import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from edge_run._text import json_text, table_cell

from . import progress
from .format import Format
from .style import Style
from .text import can_encode, visible, visible_values, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from typing_extensions import Self

Record = dict[str, Any]


class Sink:
    """Takes records one by one, and writes each as soon as its format allows.

    Leaving it as a context writes what it still holds back, also after an error or Ctrl-C.

    Parameters
    ----------
    form
        JSON is one array, written at the end; the others are written record by record.
    to_text
        Record -> lines for a person; its texts are printable already.
    columns
        Of the CSV, in order.
    to_row
        Record -> cells of the CSV by column: text, numbers or None.
    """

    def __init__(
        self,
        form: Format,
        to_text: Callable[[Record, Style], str],
        columns: Sequence[str] = (),
        to_row: Callable[[Record], Mapping[str, object]] = dict,
    ) -> None:
        self.form, self._to_text, self._columns, self._to_row = form, to_text, columns, to_row
        self._style = Style.of(sys.stdout)
        self._kept: list[Record] = []
        self._csv = csv.writer(_Stdout(), lineterminator="\n")
        if form is Format.CSV:
            self._csv.writerow([table_cell(column) for column in columns])

    def write(self, record: Record) -> None:
        """Take one record."""
        if self.form is Format.JSON:
            self._kept.append(record)
            return
        progress.erase()
        if self.form is Format.TEXT:
            printable = {name: visible_values(value) for name, value in record.items()}
            write(sys.stdout, self._to_text(printable, self._style) + "\n")
        elif self.form is Format.JSONL:
            _print_json(record, indent=None)
        else:
            row = self._to_row(record)
            self._csv.writerow([table_cell(row.get(column)) for column in self._columns])
        sys.stdout.flush()

    def close(self) -> None:
        """Write what is still held back."""
        if self.form is Format.JSON:
            print_json(self._kept)
        sys.stdout.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An array that an error cut short would pass for a whole one; after Ctrl-C it is all that there is.
        if kind is None or issubclass(kind, KeyboardInterrupt):
            self.close()


def print_json(value: object) -> None:
    """Write one JSON document, indented."""
    _print_json(value, indent=2)


def print_text(text: str) -> None:
    """Write lines for a person, with what is not printable in them escaped."""
    progress.erase()
    write(sys.stdout, "\n".join(visible(line) for line in text.rstrip("\n").split("\n")) + "\n")


class _Stdout:
    """Standard output as it is at the time of writing."""

    def write(self, text: str) -> None:
        write(sys.stdout, text)


def _print_json(value: object, indent: int | None) -> None:
    progress.erase()
    text = msgspec.json.format(msgspec.json.encode(value), indent=-1 if indent is None else indent).decode()
    # An encoding that lacks a character gets its escape, which says the same to a program.
    encoded = json_text(text) if can_encode(text, sys.stdout) else json.dumps(json.loads(text), indent=indent)
    write(sys.stdout, encoded + "\n")
