"""What came of an attack."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Outcome:
    """What came of one part of the campaign.

    Attributes
    ----------
    name
        The part, and what it attacked.
    tries
        How many attempts were made.
    ends
        How they ended, counted: ``answered``, ``refused``, ...
    broken
        What was promised and did not hold, one sentence each with what repeats it.
    figures
        What else was measured, for the table.
    seconds
        How long all of it took.
    """

    name: str
    tries: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)
    figures: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def count(self, end: str) -> None:
        """Count one attempt that ended as it must."""
        self.tries += 1
        self.ends[end] += 1

    def fail(self, what: str) -> None:
        """Count one attempt that broke a promise."""
        self.tries += 1
        self.broken.append(what)

    def check(self, held: bool, what: str, end: str = "held") -> None:
        """Count one attempt by whether the promise held."""
        self.count(end) if held else self.fail(what)

    def lines(self) -> Iterator[str]:
        """The rows of the printed table, and below them what broke."""
        ends = ", ".join(f"{number} {end}" for end, number in sorted(self.ends.items()))
        figures = "".join(f"; {name} {value}" for name, value in self.figures.items())
        yield f"{self.name:28} {self.tries:7} {len(self.broken):6} {self.seconds:7.1f}  {ends}{figures}"
        for what in self.broken[:20]:
            yield f"    BROKEN: {what}"


class Clock:
    """Says when a part has used its time."""

    def __init__(self, seconds: float) -> None:
        self._begin, self._seconds = time.monotonic(), seconds

    @property
    def spent(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._begin

    @property
    def over(self) -> bool:
        """Whether the time is used."""
        return self.spent >= self._seconds
