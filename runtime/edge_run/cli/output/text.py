"""Text of other people's making, made safe to print."""

from __future__ import annotations

from typing import TextIO


def visible(text: str) -> str:
    """Escape what would move the cursor, end a line or hide: names of files and bundles are other people's text."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def unicode(text: str) -> str:
    """Replace what a file name may hold and UTF-8 may not: undecodable bytes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def visible_values(value: object) -> object:
    """Make every text in nested dictionaries and lists `visible`."""
    if isinstance(value, dict):
        return {visible(name): visible_values(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [visible_values(item) for item in value]
    return visible(value) if isinstance(value, str) else value


def can_encode(text: str, stream: TextIO) -> bool:
    """Whether a stream's encoding has every character of a text."""
    try:
        text.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def write(stream: TextIO, text: str) -> None:
    """Write a text, with a question mark for each character that the stream's encoding lacks."""
    encoding = stream.encoding or "ascii"
    stream.write(text.encode(encoding, "replace").decode(encoding))
