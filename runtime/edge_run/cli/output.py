"""The one place that writes to stdout: a table for a person, or JSON, JSON lines, CSV for programs."""

from __future__ import annotations

import csv
import enum
import json
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
        self._csv = csv.writer(_Stdout(), lineterminator="\n")
        if form is Format.CSV:
            self._csv.writerow(columns)

    def write(self, record: Record) -> None:
        """Take one record."""
        if self.form is Format.JSON:
            self._kept.append(record)
            return
        if self.form is Format.TEXT:
            _print(self.to_text({name: _visible(value) for name, value in record.items()}))
        elif self.form is Format.JSONL:
            _print_json(record, indent=None)
        else:
            self._csv.writerow([_cell(_reach(record, column)) for column in self.columns])
        sys.stdout.flush()

    def close(self) -> None:
        """Write what is still held back."""
        if self.form is Format.JSON:
            print_json(self._kept)
        sys.stdout.flush()


def print_json(value: object) -> None:
    """Write one JSON document, indented."""
    _print_json(value, indent=2)


def print_text(text: str) -> None:
    """Write lines for a person, with what is not printable in them escaped."""
    _print("\n".join(visible(line) for line in text.rstrip("\n").split("\n")))


def bar(share: float, width: int = 20) -> str:
    """Draw a share of 1 as a bar, in ASCII where the terminal has no block characters."""
    full, empty = ("█", "░") if _speaks("█░") else ("#", ".")
    filled = round(share * width)
    return full * filled + empty * (width - filled)


def visible(text: str) -> str:
    """Escape what would move the cursor, end a line or hide: names of files and bundles are other people's text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def unicode(text: str) -> str:
    """Replace what a file name may hold and UTF-8 may not: undecodable bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


class _Stdout:
    """Standard output, whatever its encoding lacks replaced."""

    def write(self, text: str) -> int:
        encoding = sys.stdout.encoding or "ascii"
        return sys.stdout.write(text.encode(encoding, "replace").decode(encoding))


def _print(text: str) -> None:
    _Stdout().write(text + "\n")


def _print_json(value: object, indent: int | None) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=-1 if indent is None else indent).decode()
    # An encoding that lacks a character gets its escape, which says the same to a program.
    _print(text if _speaks(text) else json.dumps(json.loads(text), indent=indent))


def _visible(value: object) -> object:
    if isinstance(value, dict):
        return {visible(name): _visible(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_visible(item) for item in value]
    return visible(value) if isinstance(value, str) else value


def _speaks(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
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
