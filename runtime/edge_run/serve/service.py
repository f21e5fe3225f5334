"""What the interfaces of a server share."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .answering import Answering
    from .bodies import Bodies
    from .security import Access


class Service(NamedTuple):
    """What the interfaces of a server share.

    Attributes
    ----------
    answering
        Gives answers.
    access
        Who may ask.
    bodies
        Reads bodies of requests.
    """

    answering: Answering
    access: Access
    bodies: Bodies
