"""The node as a whole: receives, answers, sends, until it is closed."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from .answering import Answerer
from .counters import Counters
from .database import Database
from .inbox import Inbox
from .listener import Bounds, Listener
from .outbox import Outbox
from .receiving import Receiver
from .recording import Recorder
from .retention import remove_old
from .sending import Sender
from .series import SeriesClock
from .settings import ANYBODY_HERE, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from edge_run.cases import CaseLog
    from edge_run.ensemble.ensemble import Ensemble

    from .settings import Settings

_log = logging.getLogger(__name__)
_LOOK_S, _CLEAN_S = 1.0, 60.0
DRAIN_S = 20.0


class Node:
    """A running node.

    Parameters
    ----------
    ensemble
        Answers the series; None: series are received and kept, and nothing else, as tests and measurements want it.
    open_log
        Opens the case log, in the thread that writes it; None: answers are not logged.

    Raises
    ------
    NodeError, UsageError
        Its folder or its address cannot be used.
    """

    def __init__(
        self, settings: Settings, ensemble: Ensemble | None = None, open_log: Callable[[], CaseLog | None] | None = None
    ) -> None:
        self.settings, self.counters, self.clock = settings, Counters(), SeriesClock()
        self._open_log = open_log
        self.database = Database(settings.place)
        self.inbox = Inbox(self.database)
        self.outbox = Outbox(self.database, [one.name for one in settings.destinations], retry_s=settings.retry_seconds)
        self.inbox.sweep()
        self.outbox.retry_all()
        self._resume()
        self.senders = [Sender(settings, one, self.outbox, self.counters) for one in settings.destinations]
        self.receiver = Receiver(settings, self.inbox, self.outbox, self.clock, self.counters)
        self._stopping = threading.Event()
        self._answering = threading.Thread(target=self._run, args=(ensemble,), name="node-answer", daemon=True)
        bounds = Bounds(self.receiver.judge, settings.max_object_mb * 10**6, self.receiver.too_large)
        try:
            self.listener = Listener(settings, bounds, self.receiver.handlers, self.counters)
        except BaseException:
            self.database.close()
            raise
        if ensemble is not None:
            self._answering.start()
        for sender in self.senders:
            sender.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self.listener.port

    def close(self, drain: float = DRAIN_S) -> None:
        """Stop: new associations are rejected as transient, open ones may end, queues are on the disk.

        Parameters
        ----------
        drain
            Seconds that open associations have.
        """
        if self._stopping.is_set():
            return
        self.receiver.stopping = True
        until = time.monotonic() + drain
        while self.receiver.open and time.monotonic() < until:
            time.sleep(0.05)
            self.receiver.forget_dead()
        self._stopping.set()
        self.clock.wake()
        self.listener.close()
        for sender in self.senders:
            sender.close()
        if self._answering.is_alive():
            # The series that is being answered is answered; the next ones are after a start.
            self._answering.join(max(DRAIN_S, drain))
        self.inbox.close()
        self.database.close()

    def _resume(self) -> None:
        """Take up what was received before and not answered."""
        peers = {peer.name: peer for peer in (*self.settings.peers, ANYBODY_HERE)}
        for row in self.database.rows("SELECT key, peer, modality FROM series WHERE state = 'receiving'"):
            self.clock.resume(row["key"], peers.get(row["peer"], ANYBODY_HERE), row["modality"])

    def _run(self, ensemble: Ensemble) -> None:
        """Answer series as they become complete."""
        log = self._opened_log()
        answerer = Answerer(
            ensemble, self.database, self.inbox, self.outbox, Recorder(ensemble, log), self.counters,
            self.settings.results,
        )  # fmt: skip
        cleaned = 0.0
        try:
            while not self._stopping.is_set():
                self.clock.wait(_LOOK_S)
                self.receiver.forget_dead()
                for series in self.clock.ready():
                    if self._stopping.is_set():
                        return
                    self._answer(answerer, series)
                if time.monotonic() - cleaned > _CLEAN_S:
                    cleaned = time.monotonic()
                    self._clean()
        finally:
            if log is not None:
                log.close()

    def _answer(self, answerer: Answerer, series: str) -> None:
        """Answer one series; what keeps its answer from being kept passes, or is shown as stuck."""
        from edge_run.errors import InputError

        try:
            if answerer.answer(series):
                for sender in self.senders:
                    sender.wake()
        except InputError as error:
            _log.warning("series %s has no answer: %s", series, error.message)
            with self.database.writing() as connection:
                connection.execute("UPDATE series SET state = 'unanswerable' WHERE key = ?", (series,))
            self.counters.add("series", "unanswerable")
        except Exception as error:  # noqa: BLE001 - the thread must live: a disk that is full has room later
            _log.warning("series %s is answered later: %s", series, type(error).__name__)
            self.counters.add("series", "postponed")
            self.clock.resume(series, _LATER, "")

    def _clean(self) -> None:
        try:
            removed = remove_old(self.settings, self.database, self.inbox, self.outbox)
            self.counters.add("removed", "delivered", n=removed.delivered)
            self.counters.add("removed", "expired", n=removed.expired)
        except Exception as error:  # noqa: BLE001 - as above
            _log.warning("old images were not removed: %s", type(error).__name__)

    def _opened_log(self) -> CaseLog | None:
        try:
            return self._open_log() if self._open_log else None
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the log, the answers come
            _log.warning("answers are not logged: %s", error)
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_LATER = Peer("later", "", (), quiet_seconds=30.0)
