"""DICOM statuses that the node gives and how it reads those of others: one table.

Storage statuses are those of PS3.4 B.2.3 and PS3.7 C, rejections of an association those of PS3.8 9.3.4.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Outcome(enum.Enum):
    """What a status means for whoever sent the object."""

    STORED = "stored"
    NOTED = "stored, with a remark"
    TRANSIENT = "try again later"
    PERMANENT = "not without a change"


class Status(NamedTuple):
    """A status of C-STORE.

    Attributes
    ----------
    code
        (0000,0900).
    meaning
        When the node gives it, a sentence for a person.
    """

    code: int
    meaning: str

    @property
    def outcome(self) -> Outcome:
        """What it means for the sender."""
        return outcome_of(self.code)


STORED = Status(0x0000, "The object is synced to disk, renamed and committed; it will be answered.")
DISCARDED = Status(0xB006, "The object is of a kind that is accepted and discarded; it is not answered.")
OUT_OF_RESOURCES = Status(0xA700, "The disk is too full or cannot be written, or too much waits for an answer.")
WRONG_CLASS = Status(0xA900, "The data set is of another SOP class or instance than the request says.")
UNREADABLE = Status(0xC210, "The data set cannot be parsed, or lacks the UIDs of its study and series.")
OWN_RESULT = Status(0x0124, "The object is a result of edge-run: answering it would never end.")
NOT_A_SENDER = Status(0x0124, "The peer is known as an archive, not as a sender.")

GIVEN = (STORED, DISCARDED, OUT_OF_RESOURCES, WRONG_CLASS, UNREADABLE, OWN_RESULT, NOT_A_SENDER)
"""What the node answers to C-STORE."""


class Rejection(NamedTuple):
    """Why an association is rejected.

    Attributes
    ----------
    name
        Label of the metric.
    result, source, reason
        Fields of A-ASSOCIATE-RJ.
    meaning
        A sentence for a person.
    """

    name: str
    result: int
    source: int
    reason: int
    meaning: str

    @property
    def is_transient(self) -> bool:
        """Whether the peer is asked to try again."""
        return self.result == _TRANSIENT


_PERMANENT, _TRANSIENT = 1, 2
_USER, _PRESENTATION = 1, 3
UNKNOWN_CALLING = Rejection("calling-ae", _PERMANENT, _USER, 3, "The calling AE title is none of the configured peers.")
UNKNOWN_ADDRESS = Rejection("address", _PERMANENT, _USER, 3, "The calling AE title is known from another address.")
UNKNOWN_CALLED = Rejection("called-ae", _PERMANENT, _USER, 7, "The called AE title is not this node's.")
TOO_MANY = Rejection("associations", _TRANSIENT, _PRESENTATION, 2, "As many associations are open as are allowed.")
NO_ROOM = Rejection("pressure", _TRANSIENT, _PRESENTATION, 1, "The disk is too full, or too much waits for an answer.")
STOPPING = Rejection("stopping", _TRANSIENT, _PRESENTATION, 1, "The node is being stopped.")

REJECTIONS = (UNKNOWN_CALLING, UNKNOWN_ADDRESS, UNKNOWN_CALLED, TOO_MANY, NO_ROOM, STOPPING)
"""Why the node rejects an association."""


def outcome_of(code: int | None) -> Outcome:
    """Read a status that an archive gave to C-STORE; None where it gave none.

    Failures are permanent by PS3.4 B.2.3 except A7xx (out of resources), and 0110, a processing failure of unknown
    cause. A duplicate (0111) is there already: an answer's UID is derived from what was answered.
    """
    if code is None:
        return Outcome.TRANSIENT
    if code == 0:
        return Outcome.STORED
    if code >> 12 == 0xB or code in (0x0001, 0x0107, 0x0111, 0x0116):
        return Outcome.NOTED
    if code >> 8 == 0xA9 or code >> 12 == 0xC or code in (0x0122, 0x0124, 0x0117):
        return Outcome.PERMANENT
    return Outcome.TRANSIENT


def http_outcome(status: int) -> Outcome:
    """Read the status of a DICOMweb server (RFC 9110): 408, 425, 429 and 5xx pass by themselves, other 4xx do not."""
    if 200 <= status < 300:
        return Outcome.STORED
    return Outcome.PERMANENT if 400 <= status < 500 and status not in (408, 425, 429) else Outcome.TRANSIENT
