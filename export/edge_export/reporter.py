"""What an export tells while it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .gate import gate
from .gate.parity import in_words

if TYPE_CHECKING:
    from collections.abc import Callable

    from .bundle.artefact import Candidate
    from .gate.compile import Vote


class Reporter(NamedTuple):
    """Where to tell it.

    Attributes
    ----------
    say
        Takes a line.
    bar
        Takes what is being done, how much of it is done, and of how much: for a bar on a terminal.
    """

    say: Callable[[str], None] = lambda _line: None
    bar: Callable[[str, int, int], None] = lambda _what, _done, _total: None

    def progress(self, what: str) -> Callable[[int, int], None]:
        """A bar for one piece of work."""
        return lambda done, total: self.bar(what, done, total)

    def artefact(self, member_id: str, precision: str, made: Candidate) -> None:
        """One artefact was made and judged."""
        kept = f", {len(made.float_layers)} layers kept in float" if made.float_layers else ""
        size = made.path.stat().st_size / 1e6
        self.say(f"{member_id} {precision}: {size:.1f} MB{kept}, {in_words(made.parity)}{_refused(made.gate)}")

    def vote(self, precision: str, voted: Vote) -> None:
        """The artefacts of a precision have voted."""
        self.say(f"vote {precision}: {in_words(voted.parity)}{_refused(voted.gate)}")


def _refused(judged: gate.Gate) -> str:
    return "" if judged.passed else f"; REFUSED: {gate.in_words(judged)}"
