"""Rows of a part as lines in a hash chain, the same chain as that of the case log.

A line is a row as JSON with sorted keys, to which ``"hash"`` is added at the end: SHA-256 of the hash of the line
before and of the row without it (:func:`edge_run.cases.hashing.link`). So a program reads a line like any other JSON,
and a row that was altered, removed or moved shows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from edge_run.cases.hashing import GENESIS, link, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Record = dict[str, Any]

__all__ = ["GENESIS", "Link", "line_of", "linked", "parse_line", "write"]

_HASH = re.compile(rb',"hash":"([0-9a-f]{64})"\}\n?$')


class Link(NamedTuple):
    """One row of a part.

    Attributes
    ----------
    text
        The row as JSON, without its hash.
    hash
        Of this row and those before it, 64 hexadecimal digits; empty where the line is damaged.
    """

    text: str
    hash: str


def linked(rows: Iterable[Record], previous: str) -> Iterator[Link]:
    """Continue a chain whose last hash is ``previous``."""
    for row in rows:
        text = write(row)
        previous = link(previous, text)
        yield Link(text, previous)


def line_of(one: Link) -> bytes:
    """Write a row with its hash as a line."""
    return f'{one.text[:-1]},"hash":"{one.hash}"}}\n'.encode()


def parse_line(line: bytes) -> Link:
    """Take a line apart; bytes that are not UTF-8 are kept as surrogates (PEP 383), so that they can be hashed."""
    found = _HASH.search(line)
    if not found:
        return Link(line.decode("utf-8", "surrogateescape"), "")
    return Link(line[: found.start()].decode("utf-8", "surrogateescape") + "}", found[1].decode())
