"""The one place that writes to stdout: a table for a person, or JSON, JSON lines, CSV for programs."""

from __future__ import annotations

import csv
import enum
import sys
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Record = dict[str, Any]


class Format(enum.Enum):
    """How records are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class Sink:
    """Takes records one by one, and writes each as soon as its format allows.

    Parameters
    ----------
    form
        JSON is one array, written at the end; the others are written record by record.
    columns
        Of the CSV, in order; nested values are reached by dots and written as JSON if they are not plain.
    to_text
        Record -> lines for a person.
    """

    def __init__(self, form: Format, columns: Sequence[str], to_text: Callable[[Record], str]) -> None:
        self.form, self.columns, self.to_text = form, columns, to_text
        self._kept: list[Record] = []
        self._csv = csv.writer(sys.stdout, lineterminator="\n")
        if form is Format.CSV:
            self._csv.writerow(columns)

    def write(self, record: Record) -> None:
        """Take one record."""
        if self.form is Format.TEXT:
            _print(self.to_text(record))
        elif self.form is Format.JSONL:
            _print(msgspec.json.encode(record).decode())
        elif self.form is Format.CSV:
            self._csv.writerow([_cell(_reach(record, column)) for column in self.columns])
        else:
            self._kept.append(record)

    def close(self) -> None:
        """Write what is still held back."""
        if self.form is Format.JSON:
            print_json(self._kept)
        sys.stdout.flush()


def print_json(value: object) -> None:
    """Write one JSON document, indented."""
    _print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def bar(share: float, width: int = 20) -> str:
    """Draw a share of 1 as a bar, in ASCII where the terminal has no block characters."""
    full, empty = ("█", "░") if _speaks_unicode() else ("#", ".")
    filled = round(share * width)
    return full * filled + empty * (width - filled)


def _print(text: str) -> None:
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")


def _speaks_unicode() -> bool:
    try:
        "█░".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _reach(record: Record, dotted: str) -> object:
    value: object = record
    for part in dotted.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _cell(value: object) -> object:
    if value is None or isinstance(value, str | int | float):
        return value
    return msgspec.json.encode(value).decode()
