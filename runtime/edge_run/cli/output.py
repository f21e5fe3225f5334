"""The one place that writes to stdout: a table for a person, or JSON, JSON lines, CSV for programs."""

from __future__ import annotations

import csv
import enum
import json
import math
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Record = dict[str, Any]
BETWEEN_DRAWINGS_S = 0.1


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


class Progress:
    """A bar on stderr with rate and time left: only on a terminal, and not where text on stdout shares it.

    Parameters
    ----------
    of
        Steps in all.
    clock
        Seconds.
    """

    def __init__(self, of: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._of, self._done, self._clock, self._begun = of, 0, clock, clock()
        self._drawn = -math.inf
        self._shown = sys.stderr.isatty() and not sys.stdout.isatty()

    def step(self) -> None:
        """Say that one more is done."""
        self._done += 1
        now, last = self._clock(), self._done == self._of
        if not self._shown or (now - self._drawn < BETWEEN_DRAWINGS_S and not last):
            return
        self._drawn = now
        seconds = max(now - self._begun, 1e-9)
        rate = self._done / seconds
        time_ = f"{_clock(seconds)} in all" if last else f"{_clock((self._of - self._done) / rate)} left"
        line = f"{bar(self._done / self._of, 30)} {self._done}/{self._of}  {rate:.1f}/s  {time_}"
        sys.stderr.write(f"\r{line:<78}" + ("\n" if last else ""))
        sys.stderr.flush()


def visible(text: str) -> str:
    """Escape what would move the cursor, end a line or hide: names of files and bundles are other people's text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def unicode(text: str) -> str:
    """Replace what a file name may hold and UTF-8 may not: undecodable bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


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
