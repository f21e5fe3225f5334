"""HTML and SVG elements as calls. Text is escaped unless it came from here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(name: str, /, *children: object, **attributes: object) -> Markup:
    """One element.

    Parameters
    ----------
    children
        In order: elements as they are, anything else as escaped text; None is left out.
    attributes
        ``_`` stands for ``-``, one at the end of a name (``class_``) for nothing; None is left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    inside = "".join(text(child) for child in children if child is not None)
    return Markup(f"<{name}{given}/>" if name in _VOID else f"<{name}{given}>{inside}</{name}>")


def join(parts: Iterable[object]) -> Markup:
    """Several elements as one."""
    return Markup("".join(text(part) for part in parts if part is not None))


def text(value: object) -> str:
    """Escape what is not markup."""
    return value if isinstance(value, Markup) else escape(printable(str(value)))


def printable(value: str) -> str:
    """Replace what does not print: it could turn the direction of the text, and a name may hold what UTF-8 cannot."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in value)


_VOID = frozenset({"meta", "img", "br", "path", "line", "rect", "image", "circle"})
