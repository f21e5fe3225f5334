"""One line of progress on standard error, on a terminal only."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from .style import bar, is_terminal
from .text import visible, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

SECONDS_BETWEEN_DRAWINGS = 0.1
SECONDS_BEFORE_ESTIMATE = 1.0
_ERASE = "\r\x1b[K"
_on_screen = False


class Progress:
    """A bar with the time that is left; drawn over itself, and gone when the work is done.

    Its method `show` may be called from any thread, and never raises.

    Parameters
    ----------
    clock
        Seconds.

    Attributes
    ----------
    shown
        Whether there is a terminal to draw it on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.shown = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"
        self._what, self._begin, self._drawn = "", math.nan, -math.inf

    def show(self, what: str, done: float, total: float, unit: str = "") -> None:
        """Draw how much of a piece of work is done; another ``what`` begins another piece.

        Parameters
        ----------
        total
            Steps; 1 where ``done`` is a share, which is shown as a percentage.
        unit
            What the steps are, to show how many are done in a second; empty shows none.
        """
        if not self.shown:
            return
        if done >= total:
            erase()
            self._begin = math.nan
            return
        now = self._clock()
        if what != self._what or math.isnan(self._begin):
            self._what, self._begin, self._drawn = what, now, -math.inf
        if now - self._drawn >= SECONDS_BETWEEN_DRAWINGS:
            self._drawn = now
            _draw(self._line(done, total, now - self._begin, unit))

    def close(self) -> None:
        """Erase the line."""
        if self.shown:
            erase()

    def _line(self, done: float, total: float, seconds: float, unit: str) -> str:
        share = done / total
        count = f"{share:4.0%}" if total == 1 else f"{int(done)}/{total:.0f}"
        known = share and seconds >= SECONDS_BEFORE_ESTIMATE
        rate = f"  {done / seconds:.1f} {unit}/s" if known and unit else ""
        left = f"  {clock((1 - share) / share * seconds)} left" if known else ""
        return f"{bar(share, 20, sys.stderr)} {count}{rate}{left}  {visible(self._what)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def erase() -> None:
    """Erase the line of progress, if there is one, so that something else can be written in its place."""
    global _on_screen  # noqa: PLW0603 - there is one terminal
    if _on_screen:
        _on_screen = False
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(_ERASE)
            sys.stderr.flush()


def _draw(line: str) -> None:
    global _on_screen  # noqa: PLW0603
    # A line that wraps could not be drawn over.
    with contextlib.suppress(OSError, ValueError):
        write(sys.stderr, _ERASE + line[: max(20, _columns() - 1)])
        sys.stderr.flush()
        _on_screen = True


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return shutil.get_terminal_size().columns


def clock(seconds: float) -> str:
    """Write seconds as minutes and seconds, and hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
