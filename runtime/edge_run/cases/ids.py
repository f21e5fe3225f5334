"""Names of cases."""

from __future__ import annotations

import os
import time

# Without i, l, o, u: read aloud and copied by hand. In ASCII's order, so that ids sort like what they encode.
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
TIME_DIGITS, RANDOM_DIGITS = 9, 3


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def new_id(ms: int, last: str | None) -> str:
    """Make the id of a case: nine digits of time, three of chance.

    Parameters
    ----------
    ms
        Milliseconds since 1970.
    last
        The greatest id so far; the new one is greater even when the clock was set back.
    """
    if last is not None:
        ms = max(ms, _decode(last[:TIME_DIGITS]) + 1)
    return _encode(ms, TIME_DIGITS) + "".join(DIGITS[byte & 31] for byte in os.urandom(RANDOM_DIGITS))


def utc(ms: int) -> str:
    """Write a time like ``2026-07-29T14:15:03.120Z``, which sorts."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03d}Z"


def _encode(number: int, digits: int) -> str:
    return "".join(DIGITS[number >> 5 * place & 31] for place in reversed(range(digits)))


def _decode(text: str) -> int:
    number = 0
    for digit in text:
        number = number * 32 + DIGITS.index(digit)
    return number
