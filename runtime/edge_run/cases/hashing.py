"""The hash chain: how each entry includes the hash of the one before it."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

Entry = dict[str, Any]

GENESIS = "0" * 64
"""The previous hash of the first entry."""


def write(entry: Entry) -> str:
    """Encode an entry as JSON with sorted keys and no blanks, as it is stored and hashed."""
    return msgspec.json.encode(entry, order="sorted").decode()


def link(previous: str, text: str) -> str:
    """Hash an entry: SHA-256 of the previous entry's hash (64 hexadecimal digits), a line feed and the entry.

    Bytes that are not UTF-8 stand in ``text`` as surrogates (PEP 383), so a damaged entry has the hash of its bytes.
    """
    return hashlib.sha256(f"{previous}\n{text}".encode("utf-8", "surrogateescape")).hexdigest()
