"""SHA-256 of bytes and of files, as 64 hexadecimal digits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BLOCK = 2**20


def sha256(data: bytes | memoryview) -> str:
    """Hash bytes."""
    return hashlib.sha256(data).hexdigest()


def sha256_parts(parts: Iterable[bytes]) -> str:
    """Hash the concatenation of ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """Hash a file, of which only 1 MiB is in memory at a time.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    with path.open("rb") as file:
        return sha256_parts(iter(lambda: file.read(_BLOCK), b""))
