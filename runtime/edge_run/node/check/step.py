"""One step of a check."""

from __future__ import annotations

import enum
from typing import NamedTuple


class State(enum.Enum):
    """How a step went."""

    OK = "ok"
    FAILED = "FAILED"
    NOTE = "note"
    SKIPPED = "skipped"


class Step(NamedTuple):
    """One step.

    Attributes
    ----------
    what
        What was looked at, one or two words.
    found
        What was found, a sentence.
    here, there
        What to look at or change on this side and on the peer's; empty where nothing is wrong there.
    """

    what: str
    state: State
    found: str
    here: str = ""
    there: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the record for JSON."""
        return {**self._asdict(), "state": self.state.name.lower()}


def ok(what: str, found: str) -> Step:
    """Return a step that went well."""
    return Step(what, State.OK, found)


def failed(what: str, found: str, here: str = "", there: str = "") -> Step:
    """Return a step that shows a mistake, and where it may be."""
    return Step(what, State.FAILED, found, here, there)


def note(what: str, found: str, here: str = "", there: str = "") -> Step:
    """Return a step that shows something to know."""
    return Step(what, State.NOTE, found, here, there)


def skipped(what: str, why: str) -> Step:
    """Return a step that was not taken."""
    return Step(what, State.SKIPPED, why)
