"""Wait for the members' answers, no longer than a deadline, and in a way that an interrupt can end."""

from __future__ import annotations

import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TYPE_CHECKING, TypeVar

from edge_run.errors import BackendError

if TYPE_CHECKING:
    import threading
    from collections.abc import Mapping
    from concurrent.futures import Future

DEADLINE_S = 60.0
"""For one scan: the slowest device that is known answers in a few seconds."""
_BETWEEN_LOOKS_S = 0.2

_T = TypeVar("_T")


class LateError(BackendError):
    """A network has not answered within the deadline."""


def gather(running: Mapping[str, Future[_T]], cancelled: threading.Event, seconds: float) -> list[_T]:
    """Wait for results, in their order.

    Parameters
    ----------
    running
        The futures by the name of what computes them.
    cancelled
        Ends the wait when another thread sets it.
    seconds
        The deadline, from now.

    Raises
    ------
    LateError
        A result is late.
    BackendError
        The wait was cancelled.
    """
    end = time.monotonic() + seconds
    return [_result(name, future, cancelled, end, seconds) for name, future in running.items()]


def _result(name: str, future: Future[_T], cancelled: threading.Event, end: float, seconds: float) -> _T:
    while True:
        try:
            return future.result(timeout=_BETWEEN_LOOKS_S)
        except FutureTimeoutError:
            # The call itself may have raised one.
            if future.done():
                return future.result()
        if cancelled.is_set():
            raise BackendError(f"{name} was cancelled")
        if time.monotonic() > end:
            raise LateError(
                f"{name} had not answered after {seconds:g} s",
                hint="edge-run verify BUNDLE; if this device is only slow, give more --threads or fewer scans at once",
            )
