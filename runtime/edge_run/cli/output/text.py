"""Text of other people's making, made safe to print."""

from __future__ import annotations

from typing import TextIO

from edge_run._text import printable as visible
from edge_run._text import utf8 as unicode

__all__ = ["can_encode", "unicode", "visible", "visible_values", "write"]


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
