"""Accession numbers, kept as salted hashes: a case is found by its number, and the log does not show it.

Each case has a salt of its own, so that two cases of one number do not look alike. An accession number is short: who
has the log can still try all of them. The hash hides numbers from a glance, not from such a search.
"""

from __future__ import annotations

import hashlib
import hmac
import os

SALT_BYTES = 16


def salted(accession: str) -> dict[str, str]:
    """Hash an accession number: SHA-256 of a random salt and the number, without blanks around it, in UTF-8."""
    salt = os.urandom(SALT_BYTES)
    return {"salt": salt.hex(), "sha256": _hash(salt, accession)}


def matches(kept: object, accession: str) -> bool:
    """Whether what a case kept is the hash of this accession number."""
    if not isinstance(kept, dict):
        return False
    try:
        salt = bytes.fromhex(str(kept.get("salt", "")))
    except ValueError:
        return False
    return hmac.compare_digest(_hash(salt, accession).encode(), str(kept.get("sha256", "")).encode("utf-8", "replace"))


def _hash(salt: bytes, accession: str) -> str:
    return hashlib.sha256(salt + accession.strip().encode("utf-8", "surrogateescape")).hexdigest()
