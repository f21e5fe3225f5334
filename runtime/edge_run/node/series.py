"""When a series is complete: it has been quiet, and no association that fed it is open.

Nobody announces the end of a series (pynetdicom #369: "technically there's no way to know when a study has been
transferred"). A release of the association shortens the wait; an abort never does, because a sender that was cut off
comes back.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import Peer

RADIOGRAPHS = frozenset({"CR", "DX"})
MAX_VERSIONS, _MOST_DOUBLINGS = 3, 6
"""After so many answers to one series that keeps changing, each further one waits twice as long as the one before."""


@dataclass
class _Waiting:
    quiet: float
    released: float
    last: float
    was_released: bool = False
    feeding: set[object] = field(default_factory=set)


class SeriesClock:
    """Knows which series wait for more, from any thread.

    Parameters
    ----------
    now
        Seconds of a clock that only goes forward.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._waiting: dict[str, _Waiting] = {}
        self._changed = threading.Event()

    def fed(
        self, series: str, association: object, peer: Peer, modality: str, *, is_new: bool, answers: int = 0
    ) -> None:
        """Note that an association delivered to a series; what was there already makes no series wait.

        Parameters
        ----------
        answers
            How often the series was answered before.
        """
        with self._lock:
            if series not in self._waiting and not is_new:
                return
            waiting = self._waiting.setdefault(series, self._fresh(peer, modality, answers))
            waiting.last, waiting.was_released = self._now(), False
            waiting.feeding.add(association)

    def resume(self, series: str, peer: Peer, modality: str) -> None:
        """Let a series wait that was incomplete when the node stopped: its sender has time to come back."""
        with self._lock:
            self._waiting.setdefault(series, self._fresh(peer, modality))

    def ended(self, association: object, *, released: bool) -> None:
        """Note that an association ended."""
        with self._lock:
            for waiting in self._waiting.values():
                if association in waiting.feeding:
                    waiting.feeding.discard(association)
                    waiting.was_released = released
        self._changed.set()

    def ready(self) -> list[str]:
        """Take out the series that are complete, the longest quiet first."""
        now = self._now()
        with self._lock:
            times = {key: _due(waiting) for key, waiting in self._waiting.items()}
            due = sorted((at, key) for key, at in times.items() if at is not None and at <= now)
            for _, key in due:
                del self._waiting[key]
        return [key for _, key in due]

    @property
    def open(self) -> int:
        """How many series wait for more."""
        with self._lock:
            return len(self._waiting)

    def wait(self, most: float) -> None:
        """Wait until something may be complete, at most so many seconds."""
        now = self._now()
        with self._lock:
            times = [due for waiting in self._waiting.values() if (due := _due(waiting)) is not None]
        self._changed.wait(max(0.01, min([most, *(due - now for due in times)])))
        self._changed.clear()

    def wake(self) -> None:
        """End a wait."""
        self._changed.set()

    def _fresh(self, peer: Peer, modality: str, answers: int = 0) -> _Waiting:
        quiet = peer.radiograph_seconds if modality in RADIOGRAPHS else peer.quiet_seconds
        longer = 2 ** min(max(0, answers + 1 - MAX_VERSIONS), _MOST_DOUBLINGS)
        return _Waiting(quiet * longer, min(quiet, peer.released_seconds) * longer, self._now())


def _due(waiting: _Waiting) -> float | None:
    """When a series is complete if nothing more comes; None while an association that fed it is open."""
    if waiting.feeding:
        return None
    return waiting.last + (waiting.released if waiting.was_released else waiting.quiet)
