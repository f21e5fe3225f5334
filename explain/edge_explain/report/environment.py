"""The templates of the report, and how they write text and numbers. All text is escaped."""

from __future__ import annotations

import functools
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

TEMPLATES = Path(__file__).with_name("templates")


@functools.cache
def environment() -> Environment:
    """Load the templates."""
    found = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters |= {"percent": percent, "signed": signed}
    return found


def percent(value: float, digits: int = 1) -> str:
    """Write a share as a percentage."""
    return f"{value:.{digits}%}"


def signed(value: float, form: str = "+.1f") -> str:
    """Write a number with the minus sign of print."""
    return f"{value:{form}}".replace("-", "\u2212")


def printable(text: str) -> str:
    """Replace what does not print: it could reverse the direction of the text, and a name may hold invalid UTF-8."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _printable_text(value: object) -> object:
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
