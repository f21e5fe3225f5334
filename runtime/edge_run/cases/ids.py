"""Ids of cases, and times as the log writes them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

# Crockford's alphabet, without i, l, o, u, which are confused when read aloud or copied by hand. In the order of ASCII,
# so that ids sort by time.
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_DIGITS, RANDOM_DIGITS = 9, 3
LAST_MS = 32**TIME_DIGITS - 1


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_id(ms: int, last: str | None) -> str:
    """Make the id of a case: nine digits of time and three random ones.

    Parameters
    ----------
    ms
        Milliseconds since 1970.
    last
        The greatest id so far; the new one is greater even when the clock was set back.
    """
    after = _decode(last[:TIME_DIGITS]) + 1 if last is not None else 0
    # Nothing is greater than an id that somebody made of the last digit alone.
    if after < LAST_MS:
        ms = max(ms, after)
    return _encode(ms, TIME_DIGITS) + "".join(DIGITS[byte & 31] for byte in os.urandom(RANDOM_DIGITS))


def greatest_id(connection: sqlite3.Connection) -> str | None:
    """Return the greatest id in a log that `new_id` could have made, whatever else somebody wrote there."""
    form = f"[{DIGITS}]" * (TIME_DIGITS + RANDOM_DIGITS)
    row = connection.execute(
        "SELECT id FROM entries INDEXED BY entries_by_id WHERE id GLOB ? ORDER BY id DESC LIMIT 1", (form,)
    ).fetchone()
    return str(row[0]) if row else None


def utc(ms: int) -> str:
    """Write a time like ``2026-07-29T14:15:03.120Z``, which sorts."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


def time_of(case_id: str) -> str:
    """Return when a case was logged, as :func:`utc` writes it; empty where the id is none of edge-run's."""
    digits = case_id[:TIME_DIGITS]
    if len(case_id) != TIME_DIGITS + RANDOM_DIGITS or not set(case_id) <= set(DIGITS):
        return ""
    try:
        return utc(_decode(digits))
    except (ValueError, OverflowError, OSError):
        return ""


def _encode(number: int, digits: int) -> str:
    return "".join(DIGITS[number >> 5 * place & 31] for place in reversed(range(digits)))


def _decode(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 32 + DIGITS.index(digit)
    return number
