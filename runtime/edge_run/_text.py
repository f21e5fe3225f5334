"""Make other people's text harmless, once for each kind of output: a terminal, a table, JSON.

Names of files, bundles and classes, and remarks, may hold control characters that move a cursor, direction marks
that show text in another order than it has (Trojan Source, CVE-2021-42574), and formulas that a spreadsheet
runs (OWASP, CSV injection).
"""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The last four are full-width signs, which some spreadsheets read as the plain ones."""
_NOT_ASCII = re.compile(r"[^\x00-\x7e]")


def printable(text: str) -> str:
    """Return one line for a terminal, with an escape for each character that is not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)


def utf8(text: str) -> str:
    """Replace bytes that a file name may hold and UTF-8 may not."""
    return text.encode("utf-8", "replace").decode("utf-8")


def table_cell(value: object) -> object:
    """Return a cell that no spreadsheet runs as a formula and no terminal obeys; numbers and None stay as they are."""
    if not isinstance(value, str):
        return value
    text = printable(value)
    # A single sign is no formula, and is what some tables hold for a missing value.
    return f"'{text}" if len(value) > 1 and value.lstrip(" ").startswith(_FORMULA) else text


def json_text(text: str) -> str:
    """Escape what is not printable in a JSON document: a program reads the same values.

    JSON has to escape only the control characters below U+0020; those from U+007F to U+009F, direction marks and
    separators would reach a terminal as they are.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return _NOT_ASCII.sub(_json_escape, text)


def _json_escape(match: re.Match[str]) -> str:
    character = match[0]
    if character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2))
