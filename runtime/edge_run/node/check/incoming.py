"""From a peer to this node: wait for its call, and say what it called itself and us."""

from __future__ import annotations

import queue
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pynetdicom import evt

from edge_run._text import printable
from edge_run.errors import UsageError
from edge_run.node.counters import Counters
from edge_run.node.listener import Bounds, Listener
from edge_run.node.storing import on_report

from .step import failed, note, ok

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import A_ASSOCIATE

    from edge_run.node.settings import Peer, Settings
    from edge_run.node.storing import Report

    from .step import Step

_MOST = 2**20


def wait_for_call(settings: Settings, peer: Peer, seconds: float) -> Iterator[Step]:
    """Listen in the node's place, and tell of each call until one is as configured and echoes."""
    calls: queue.SimpleQueue[tuple[str, str, str] | None] = queue.SimpleQueue()

    def judge(association: Association, requested: A_ASSOCIATE) -> None:
        address = association.requestor.address_info
        calls.put(
            (
                str(requested.calling_ae_title).strip(),
                str(requested.called_ae_title).strip(),
                address.address if address else "",
            )
        )

    def on_echo(_event: Event) -> int:
        calls.put(None)
        return 0x0000

    try:
        listener = Listener(settings, Bounds(judge, _MOST, lambda: None), [(evt.EVT_C_ECHO, on_echo)], Counters())
    except UsageError as error:
        yield note("from the peer", f"not waited for: {error.message}", "stop the node for this check, or read its log")
        return
    with listener:
        yield from _told(settings, peer, calls, time.monotonic() + seconds, seconds)


def _told(
    settings: Settings,
    peer: Peer,
    calls: queue.SimpleQueue[tuple[str, str, str] | None],
    until: float,
    seconds: float,
) -> Iterator[Step]:
    matched = False
    while (left := until - time.monotonic()) > 0:
        try:
            call = calls.get(timeout=left)
        except queue.Empty:
            break
        if call is None and matched:
            yield ok("echo from it", "the peer's C-ECHO was answered")
            return
        if call is not None:
            step = _judged(settings, peer, *call)
            matched = step.state.name == "OK"
            yield step
    if not matched:
        yield failed(
            "from the peer", f"no call as configured came within {seconds:.0f} s",
            f"listening on {settings.host} port {settings.port}: may it be reached from there?",
            f"it must call {settings.ae_title} at this machine's address, port {settings.port}",
        )  # fmt: skip


def _judged(settings: Settings, peer: Peer, calling: str, called: str, address: str) -> Step:
    """Compare a call with the configuration."""
    what = "from the peer"
    names = f"it calls itself {printable(calling)!r} and us {printable(called)!r}, from {address}"
    if called != settings.ae_title:
        return note(what, names, f"we are {settings.ae_title!r}", f"set our AE title to {settings.ae_title}")
    if peer.ae_title and calling != peer.ae_title:
        return note(what, names, f"correct ae_title of {peer.name}", f"or let it call itself {peer.ae_title}")
    if not peer.allows(address):
        allowed = ", ".join(peer.addresses)
        return note(what, names, f"add {address} to addresses of {peer.name}, which are {allowed}")
    return ok(what, names)


@contextmanager
def listening(settings: Settings, report: Report) -> Iterator[str]:
    """Take reports on storage commitment in the node's place; gives why that is not possible, empty where it is."""
    handlers = [(evt.EVT_N_EVENT_REPORT, on_report, [report])]
    try:
        listener = Listener(settings, Bounds(lambda *_: None, _MOST, lambda: None), handlers, Counters())
    except UsageError as error:
        yield error.message
        return
    with listener:
        yield ""
