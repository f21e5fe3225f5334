"""Where connections wait until they have said something: one thread for all of them.

A connection gets a thread, and is counted as an association, only once its whole association request has arrived (with
TLS: its whole ClientHello). Hundreds of silent connections therefore cost a file descriptor each, and keep nobody out.
"""

from __future__ import annotations

import errno
import selectors
import socket
import struct
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Address = tuple[str, int]

MAX_REQUEST = 2**16
"""Largest A-ASSOCIATE-RQ: 128 presentation contexts of long UIDs are a third of it."""
MAX_WAITING = 512
_TLS_HEADER, _PDU_HEADER = 5, 6
_HANDSHAKE, _ASSOCIATE = 0x16, 0x01


@dataclass
class _Guest:
    address: Address
    until: float
    wanted: int
    """Bytes at which the kernel reports it as readable: with fewer it is readable only because the peer has closed."""


class Lobby:
    """Connections that wait to say something.

    Parameters
    ----------
    seconds
        How long one may wait.
    enter
        Called with each connection whose request is there, blocking again and with `seconds` as its timeout.
    count
        Called with ``silent`` for each that waited too long, ``malformed`` for each whose first bytes are no request,
        ``crowded`` for each silent one that left to make room, ``closed`` for each that left by itself.
    tls
        Whether the first message is TLS's.
    """

    def __init__(
        self,
        seconds: float,
        enter: Callable[[socket.socket, Address], None],
        count: Callable[[str], None],
        *,
        tls: bool,
    ) -> None:
        self._seconds, self._enter, self._count, self._tls = seconds, enter, count, tls
        self._guests: OrderedDict[socket.socket, _Guest] = OrderedDict()
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self._wake, self._waker = socket.socketpair()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="node-lobby", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many wait."""
        with self._lock:
            return len(self._guests)

    def add(self, connection: socket.socket, address: Address) -> None:
        """Let a connection wait; returns at once."""
        connection.setblocking(False)
        _want(connection, self._header)
        with self._lock:
            if len(self._guests) >= MAX_WAITING:
                self._leave(next(iter(self._guests)), "crowded")
            self._guests[connection] = _Guest(address, time.monotonic() + self._seconds, self._header)
            self._selector.register(connection, selectors.EVENT_READ)
        self._waker.send(b"+")

    def close(self) -> None:
        """Close all that wait."""
        self._stopping = True
        self._waker.send(b"-")
        self._thread.join(5)
        with self._lock:
            for connection in list(self._guests):
                self._leave(connection, "closed")
        for one in (self._wake, self._waker):
            one.close()
        self._selector.close()

    @property
    def _header(self) -> int:
        return _TLS_HEADER if self._tls else _PDU_HEADER

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(self._patience()):
                if key.fileobj is self._wake:
                    self._wake.recv(4096)
                elif isinstance(key.fileobj, socket.socket):
                    self._look(key.fileobj)
            self._dismiss()

    def _patience(self) -> float | None:
        with self._lock:
            first = next(iter(self._guests.values()), None)
        return None if first is None else max(0.0, first.until - time.monotonic())

    def _look(self, connection: socket.socket) -> None:
        """See how much of a request is there, without taking it."""
        with self._lock:
            guest = self._guests.get(connection)
            if guest is None:
                return
            try:
                found = connection.recv(guest.wanted, socket.MSG_PEEK)
            except BlockingIOError:
                return
            except OSError:
                found = b""
            needed = self._length(found) if len(found) >= self._header else 0
            if len(found) < guest.wanted:
                self._leave(connection, "closed")
                return
            if not needed:
                self._leave(connection, "malformed")
                return
            if len(found) < needed:
                guest.wanted = needed
                _want(connection, needed)
                return
            del self._guests[connection]
            self._selector.unregister(connection)
        _want(connection, 1)
        connection.settimeout(self._seconds)
        self._enter(connection, guest.address)

    def _length(self, start: bytes) -> int:
        """Bytes of the first message, by its header; 0 where it is none."""
        if self._tls:
            length = self._header + struct.unpack(">H", start[3:5])[0]
            return length if start[0] == _HANDSHAKE and length <= MAX_REQUEST else 0
        length = self._header + struct.unpack(">L", start[2:6])[0]
        return length if start[0] == _ASSOCIATE and length <= MAX_REQUEST else 0

    def _dismiss(self) -> None:
        """Close those that waited too long; all wait equally long, so the first are the oldest."""
        now = time.monotonic()
        with self._lock:
            for connection, guest in list(self._guests.items()):
                if guest.until > now:
                    break
                self._leave(connection, "silent")

    def _leave(self, connection: socket.socket, why: str) -> None:
        del self._guests[connection]
        with suppress(KeyError, ValueError):
            self._selector.unregister(connection)
        with suppress(OSError):
            connection.close()
        self._count(why)


def _want(connection: socket.socket, length: int) -> None:
    """Have the kernel report a connection as readable only once so many bytes are there (socket(7), SO_RCVLOWAT)."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, length)
    except OSError as error:
        # A connection that is gone says so when it is read.
        if error.errno not in (errno.EINVAL, errno.ENOTCONN, errno.EBADF):
            raise
