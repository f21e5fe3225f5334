"""Triton's ``config.pbtxt``: Protocol Buffers' text format, written from plain dictionaries.

https://protobuf.dev/reference/protobuf/textformat-spec; the fields are those of Triton's ``model_config.proto``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Message = dict[str, "Value"]
    Value = str | int | bool | Message | Sequence["Value"]


class Name(str):
    """A word that is written without quotation marks: the value of an enumeration."""

    __slots__ = ()


def to_text(message: Message) -> str:
    """Write a message, one field a line; a list is a field that is repeated, or a list of numbers."""
    return "\n".join(_lines(message)) + "\n"


def _lines(message: Message) -> Iterator[str]:
    for field, value in message.items():
        if isinstance(value, dict):
            yield f"{field} {{"
            yield from (f"  {line}" for line in _lines(value))
            yield "}"
        elif isinstance(value, (list, tuple)) and not (value and all(isinstance(one, int) for one in value)):
            for one in value:
                yield from _lines({field: one})
        else:
            yield f"{field}: {_scalar(value)}"


def _scalar(value: Value) -> str:
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str):
        return _quoted(value)
    return f"[ {', '.join(map(str, value))} ]"


def _quoted(text: str) -> str:
    """Quote text; what is not printable ASCII is written as the octal numbers of its UTF-8 bytes."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\' else f"\\{b:03o}" for b in text.encode())
    return f'"{"".join(plain)}"'
