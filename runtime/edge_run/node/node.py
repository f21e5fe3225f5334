"""The node as a whole: receives, answers, sends, until it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .counters import Counters
from .database import Database
from .inbox import Inbox
from .listener import Bounds, Listener
from .receiving import Receiver
from .series import SeriesClock

if TYPE_CHECKING:
    from typing_extensions import Self

    from .settings import Settings


class Receiving:
    """The part of a node that receives.

    Raises
    ------
    NodeError, UsageError
        Its folder or its address cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings, self.counters = settings, Counters()
        self.database = Database(settings.place)
        self.inbox, self.clock = Inbox(self.database), SeriesClock()
        self.inbox.sweep()
        self.receiver = Receiver(
            settings, self.inbox, self.clock, self.counters, is_ours=lambda _: False, waiting=lambda: 0
        )
        bounds = Bounds(self.receiver.judge, settings.max_object_mb * 10**6, self.receiver.too_large)
        self.listener = Listener(settings, bounds, self.receiver.handlers, self.counters)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.listener.port

    def close(self) -> None:
        """Stop."""
        self.receiver.stopping = True
        self.listener.close()
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
