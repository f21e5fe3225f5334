"""What belongs to a process of its own: its streams, and a faster start and end where it answers a few scans."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import sys

# Python's default of 700 has it look for garbage hundreds of times while it imports, and find none.
OBJECTS_BETWEEN_COLLECTIONS = 50_000


def open_closed_streams() -> None:
    """Put the null device where standard input, output or error was closed, as daemons and supervisors leave them.

    Otherwise the next file that is opened, the case log for one, would get that number, and what is printed would be
    written into it. Standard input that cannot be read counts as closed, and reads as empty.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if not _is_open(number):
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None or (number == 0 and not _is_readable()):
            mode = "r" if number == 0 else "w"
            setattr(sys, name, io.open(number, mode, encoding="utf-8", closefd=False))  # noqa: UP020, SIM115


def begin() -> None:
    """Call before NumPy is imported: nothing here uses its linear algebra, whose threads would be started to wait."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)


def end(code: int) -> None:
    """Leave at once, without giving the networks' memory back piece by piece."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return number != 0 or _can_be_read(number)


def _can_be_read(number: int) -> bool:
    try:
        os.read(number, 0)
    except OSError:
        return False
    return True


def _is_readable() -> bool:
    return sys.stdin is not None and sys.stdin.readable()
