"""Text that every object can hold: the objects keep the source's character set, which may not have more than ASCII."""

from __future__ import annotations

MAX_LO = 64
"""Characters of VR LO."""


def ascii_only(text: str, longest: int = 1024) -> str:
    """Replace what is not printable ASCII, and cut what is longer."""
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in text[:longest])


def short_text(text: str) -> str:
    """Return text for VR LO, in which a backslash would separate two values."""
    return ascii_only(text, MAX_LO).replace("\\", "?").strip()
