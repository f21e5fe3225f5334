"""Deliver what is in the outbox: one thread for each destination."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from . import storing, web
from .outbox import QUEUED, STUCK
from .statuses import Outcome

if TYPE_CHECKING:
    from .counters import Counters
    from .delivery import Delivery
    from .outbox import Outbox, Sending
    from .settings import Destination, Settings

_log = logging.getLogger(__name__)
_MOST_WAIT_S = 60.0
_MOST, _MOST_WEB = 64, 8


class Sender:
    """Delivers to one destination, until it is closed.

    Parameters
    ----------
    is_reachable
        Whether the destination answered last; changed by each try.
    """

    def __init__(self, settings: Settings, destination: Destination, outbox: Outbox, counters: Counters) -> None:
        self._settings, self._destination, self._outbox, self._counters = settings, destination, outbox, counters
        self._wake, self._stopping = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=f"node-send-{destination.name}", daemon=True)
        self._said = ""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look for new objects now."""
        self._wake.set()

    def close(self, seconds: float = 10.0) -> None:
        """End after the batch that is being sent."""
        self._stopping = True
        self._wake.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping:
            try:
                # One request of STOW-RS is in memory as a whole.
                batch = self._outbox.due(self._destination.name, most=_MOST_WEB if self._destination.is_web else _MOST)
                if batch:
                    self.deliver(batch)
                    continue
                wait = self._outbox.next_at(self._destination.name) - time.time()
            except Exception as error:  # noqa: BLE001 - the thread must live: a disk that is full has room later
                _log.warning("sending to %s failed: %s", self._destination.name, type(error).__name__)
                wait = _MOST_WAIT_S
            self._wake.wait(min(max(wait, 0.05), _MOST_WAIT_S))
            self._wake.clear()

    def deliver(self, batch: list[Sending]) -> None:
        """Send what is queued, and confirm what was sent."""
        queued = [one for one in batch if one.state in (QUEUED, STUCK)]
        if queued:
            missing = [one.sop_uid for one in queued if not one.path.exists()]
            if missing:
                self._outbox.failed(self._destination.name, missing, "the file is gone", permanent=True)
            there = [one for one in queued if one.sop_uid not in missing]
            if there:
                self._note(self._send(there), confirmed=self._destination.verify == "none")
        sent = [one for one in batch if one not in queued]
        if sent and self._destination.verify == "commitment":
            self._ask(sent)
        elif sent and self._destination.verify == "qido":
            self._note({one.sop_uid: web.has(self._destination, one.sop_uid) for one in sent}, confirmed=True)
        elif sent:
            # It was to be confirmed when it was sent, and no longer is.
            self._outbox.delivered(self._destination.name, [one.sop_uid for one in sent], "not confirmed")

    def _send(self, batch: list[Sending]) -> dict[str, Delivery]:
        if self._destination.is_web:
            return web.store(self._destination, batch)
        return storing.send(self._settings, self._destination, batch)

    def _note(self, deliveries: dict[str, Delivery], *, confirmed: bool) -> None:
        """Write down what became of each object."""
        name = self._destination.name
        for uid, delivery in deliveries.items():
            if delivery.is_stored and confirmed:
                self._outbox.delivered(name, [uid], delivery.status)
            elif delivery.is_stored:
                self._outbox.sent(name, [uid], delivery.status)
            else:
                permanent = delivery.outcome is Outcome.PERMANENT
                self._outbox.failed(name, [uid], delivery.status, permanent=permanent)
            self._counters.add("deliveries", delivery.outcome.name.lower(), name)
        self._say(deliveries)

    def _ask(self, batch: list[Sending]) -> None:
        uids, transaction = [one.sop_uid for one in batch], storing.new_transaction()
        # Before it is asked: the report may be faster than the answer to the request.
        self._outbox.asked(self._destination.name, uids, transaction)
        delivery = storing.ask_commitment(self._settings, self._destination, batch, transaction, self._outbox.reported)
        if not delivery.is_stored:
            permanent = delivery.outcome is Outcome.PERMANENT
            self._outbox.failed(self._destination.name, uids, delivery.status, permanent=permanent)

    def _say(self, deliveries: dict[str, Delivery]) -> None:
        """Tell a person when a destination begins to refuse, and when it takes again; not each time."""
        troubles = sorted({delivery.status for delivery in deliveries.values() if not delivery.is_stored})
        now = "; ".join(troubles)
        if now and now != self._said:
            _log.warning("%s does not take answers: %s", self._destination.name, now)
        elif not now and self._said:
            _log.info("%s takes answers again", self._destination.name)
        self._said = now
