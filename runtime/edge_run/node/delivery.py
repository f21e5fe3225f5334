"""What became of sending: one form for C-STORE and STOW-RS."""

from __future__ import annotations

from typing import NamedTuple

from .statuses import Outcome


class Delivery(NamedTuple):
    """What became of one object.

    Attributes
    ----------
    outcome
        What the archive's status means.
    status
        What it said, for a person.
    """

    outcome: Outcome
    status: str

    @property
    def is_stored(self) -> bool:
        """Whether the archive took it."""
        return self.outcome in (Outcome.STORED, Outcome.NOTED)


def all_of(sop_uids: list[str], outcome: Outcome, status: str) -> dict[str, Delivery]:
    """Return the same for every object."""
    return {uid: Delivery(outcome, status) for uid in sop_uids}
