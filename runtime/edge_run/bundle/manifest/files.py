"""What every part of the manifest is, and the files it names."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

MAX_FILE_BYTES = 2 * 2**30
ROUNDING = 1e-6
_HEX = re.compile(r"[0-9a-f]{64}")


def is_share(value: float) -> bool:
    """Whether a number is a share of one, rounding allowed."""
    return 0 <= value <= 1 + ROUNDING


class ManifestPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of ``bundle.json``: unknown fields are refused."""


class File(ManifestPart, frozen=True):
    """A file of the bundle.

    Attributes
    ----------
    path
        Relative, forward slashes, inside the bundle.
    sha256
        Hex digest of the whole file, checked each time it is read.
    bytes
        Its exact size; nothing longer is ever read.
    """

    path: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or self.path.startswith("/") or ".." in parts or set("\\:").intersection(self.path):
            raise ValueError(f"path {self.path!r} leaves the bundle")
        if not self.path.isprintable():
            raise ValueError(f"path {self.path!r} holds a control character")
        if not _HEX.fullmatch(self.sha256):
            raise ValueError(f"sha256 of {self.path!r} is not 64 hex digits")
        if not 0 <= self.bytes <= MAX_FILE_BYTES:
            raise ValueError(f"{self.path!r} claims {self.bytes} bytes, the limit is {MAX_FILE_BYTES}")
