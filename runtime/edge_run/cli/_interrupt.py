"""Ctrl-C: how a command says what it leaves behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EXIT_CODE = 130
"""128 and the number of SIGINT, as shells have it."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Somebody pressed Ctrl-C; the message says what is kept."""


@contextmanager
def saying_what_is_kept(kept: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C inside the block into `Interrupted` with a sentence on what is kept.

    Parameters
    ----------
    kept
        Is called at the time of the interrupt.
    """
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(kept()) from stop
    except SystemExit as stop:
        # Lightning catches Ctrl-C itself, and leaves with 1.
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise Interrupted(kept()) from stop
        raise
