"""How an entry is tied to the one before it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

Entry = dict[str, Any]

GENESIS = "0" * 64
"""What the first entry follows."""


def write(entry: Entry) -> str:
    """JSON with sorted keys and no blanks: what is stored, and what is hashed."""
    return msgspec.json.encode(entry, order="sorted").decode()


def link(previous: str, text: str) -> str:
    """Hash of an entry: SHA-256 of the previous entry's hash (64 hexadecimal digits), a line feed, and the entry."""
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()
