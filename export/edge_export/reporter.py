"""Where an export reports what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Reporter(NamedTuple):
    """Receives an export's messages and progress.

    Attributes
    ----------
    say
        Takes a line of text.
    bar
        Takes a description of the present work, how much of it is done, and of how much: for a bar on a terminal.
    """

    say: Callable[[str], None] = lambda _line: None
    bar: Callable[[str, int, int], None] = lambda _what, _done, _total: None

    def progress(self, what: str) -> Callable[[int, int], None]:
        """Return a callback ``(done, total)`` for one piece of work."""
        return lambda done, total: self.bar(what, done, total)
