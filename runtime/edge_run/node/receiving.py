"""What the node does with a request of a peer: echo, and store durably before it says so."""

from __future__ import annotations

import logging
import shutil
import socket
import sqlite3
import threading
from typing import TYPE_CHECKING, cast

from pydicom.dataset import Dataset
from pynetdicom import evt

from edge_run._text import printable
from edge_run.errors import InputError

from . import statuses
from .identity import identify
from .presentation import RECEIVED
from .settings import ANYBODY_HERE, Peer
from .storing import on_report

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event, EventHandlerType
    from pynetdicom.pdu_primitives import A_ASSOCIATE

    from .counters import Counters
    from .inbox import Inbox
    from .outbox import Outbox
    from .series import SeriesClock
    from .settings import Destination, Settings
    from .statuses import Rejection, Status

_log = logging.getLogger(__name__)
_MOST_SAID = 100
_ANSWERED = frozenset(service.uid for service in RECEIVED)
_STRANGER = Peer("stranger", "", ())
"""What metrics call a peer that is not configured."""


class Receiver:
    """Answers the requests that come in over associations.

    Parameters
    ----------
    outbox
        Knows this node's own results, and takes the archive's reports on them.
    clock
        Is told which association feeds which series.
    """

    def __init__(
        self, settings: Settings, inbox: Inbox, outbox: Outbox, clock: SeriesClock, counters: Counters
    ) -> None:
        self._settings, self._inbox, self._outbox = settings, inbox, outbox
        self._clock, self._counters = clock, counters
        self._archives = [_as_peer(one) for one in settings.destinations if not one.is_web]
        self._open: dict[Association, Peer] = {}
        self._said = set[tuple[str, str, str, str]]()
        self._lock = threading.Lock()
        self.stopping = False

    @property
    def handlers(self) -> list[EventHandlerType]:
        """Handlers of pynetdicom's events."""
        return [
            (evt.EVT_C_ECHO, self._on_echo),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_EVENT_REPORT, on_report, [self._outbox.reported]),
            (evt.EVT_RELEASED, self._on_end, [True]),
            (evt.EVT_ABORTED, self._on_end, [False]),
            (evt.EVT_CONN_CLOSE, self._on_end, [False]),
        ]

    def judge(self, association: Association, requested: A_ASSOCIATE) -> Rejection | None:
        """Return why an association is rejected; None where it is taken, which counts it as open."""
        address = association.requestor.address_info.address if association.requestor.address_info else ""
        peer, rejection = self._peer(str(requested.calling_ae_title).strip(), address)
        called = str(requested.called_ae_title).strip()
        if rejection is None and called != self._settings.ae_title:
            rejection = statuses.UNKNOWN_CALLED
        if rejection is None and self.stopping:
            rejection = statuses.STOPPING
        if rejection is None and (not self._has_room() or self._inbox.waiting() > self._settings.max_waiting_series):
            rejection = statuses.NO_ROOM
        with self._lock:
            if rejection is None and len(self._open) >= self._settings.max_associations:
                rejection = statuses.TOO_MANY
            if rejection is None:
                self._open[association] = peer
        self._counters.add("associations", rejection.name if rejection else "accepted", peer.name)
        if rejection is not None:
            self._say(rejection, str(requested.calling_ae_title).strip(), called, address)
        return rejection

    @property
    def open(self) -> int:
        """How many associations are open."""
        with self._lock:
            return len(self._open)

    def too_large(self) -> None:
        """Count a message over the limit."""
        self._counters.add("instances", "too-large")

    def _peer(self, title: str, address: str) -> tuple[Peer, Rejection | None]:
        """Find who calls; the peer of a rejected call is a stranger."""
        known = [peer for peer in (*self._settings.peers, *self._archives) if peer.ae_title == title]
        for peer in known:
            if peer.allows(address):
                return peer, None
        if not self._settings.peers and ANYBODY_HERE.allows(address):
            return ANYBODY_HERE, None
        return _STRANGER, statuses.UNKNOWN_ADDRESS if known else statuses.UNKNOWN_CALLING

    def _say(self, rejection: Rejection, calling: str, called: str, address: str) -> None:
        """Tell a person of a rejection, each kind once: on the first day it is a mistake in a configuration."""
        key = (rejection.name, calling, called, address)
        with self._lock:
            if key in self._said or len(self._said) >= _MOST_SAID:
                return
            self._said.add(key)
        _log.warning(
            "an association from %s was rejected: %s It calls itself %s and this node %s.",
            address, rejection.meaning, printable(repr(calling)), printable(repr(called)),
        )  # fmt: skip

    def _has_room(self) -> bool:
        try:
            return shutil.disk_usage(self._inbox.folder).free >= self._settings.min_free_gb * 1e9
        except OSError:
            return False

    def _on_echo(self, event: Event) -> int:
        self._counters.add("echoes", "answered", self._open[event.assoc].name)
        return 0x0000

    def _on_store(self, event: Event) -> Dataset:
        peer = self._open[event.assoc]
        status, outcome = self._store(event, peer)
        self._counters.add("instances", outcome, peer.name)
        answer = Dataset()
        answer.Status = status.code
        if status.code:
            # LO, at most 64 characters.
            answer.ErrorComment = status.meaning[:64]
        return answer

    def _store(self, event: Event, peer: Peer) -> tuple[Status, str]:
        """Keep an object, and return the status and what metrics call it."""
        request = cast("C_STORE", event.request)
        if not peer.may_store:
            return statuses.NOT_A_SENDER, "not-a-sender"
        if str(request.AffectedSOPClassUID) not in _ANSWERED:
            return statuses.DISCARDED, "discarded"
        if not self._has_room():
            return statuses.OUT_OF_RESOURCES, "refused"
        try:
            identity = identify(event.encoded_dataset(include_meta=False), str(event.context.transfer_syntax))
        except InputError:
            return statuses.UNREADABLE, "unreadable"
        if (identity.sop_class, identity.sop_uid) != (request.AffectedSOPClassUID, request.AffectedSOPInstanceUID):
            return statuses.WRONG_CLASS, "contradictory"
        if identity.is_own or self._outbox.is_ours(identity.sop_uid):
            return statuses.OWN_RESULT, "own-result"
        try:
            kept = self._inbox.keep(event.encoded_dataset(), identity, peer.name)
        except (OSError, sqlite3.Error):
            return statuses.OUT_OF_RESOURCES, "refused"
        self._clock.fed(kept.series, event.assoc, peer, identity.modality, is_new=kept.is_new, answers=kept.answers)
        return statuses.STORED, "stored" if kept.is_new else "repeated"

    def _on_end(self, event: Event, released: bool) -> None:
        self._end(event.assoc, released=released)

    def _end(self, association: Association, *, released: bool) -> None:
        with self._lock:
            peer = self._open.pop(association, None)
        if peer is not None:
            self._counters.add("associations", "released" if released else "aborted", peer.name)
            self._clock.ended(association, released=released)

    def forget_dead(self) -> None:
        """End what ended without an event: a thread that died must not hold a place, nor a series."""
        with self._lock:
            dead = [association for association in self._open if association.ident and not association.is_alive()]
        for association in dead:
            self._end(association, released=False)


def _as_peer(destination: Destination) -> Peer:
    """Return who may call to report on storage commitment, and to echo: the archive that was asked."""
    try:
        addresses = {str(found[4][0]) for found in socket.getaddrinfo(destination.host, None)}
    except OSError:
        addresses = set()
    return Peer(destination.name, destination.ae_title, tuple(sorted(addresses)), may_store=False)
