"""Connections of a server, bounded in number, and in how long each may take to send the head of a request.

uvicorn bounds neither: ten thousand connections that say nothing would take all file descriptors of the process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

MAX_CONNECTIONS = 512
BACKLOG = 128
"""Connections that are taken in one turn of the event loop: then come the requests of those that are there."""
HEAD_S = 10.0
"""For the head of a request to arrive, from the connection or from the answer to the request before."""
MAX_HEAD_BYTES = 32 * 2**10


def bounded(most: int = MAX_CONNECTIONS, head_s: float = HEAD_S) -> type[H11Protocol]:
    """Make the protocol of one server.

    Parameters
    ----------
    most
        Connections at a time. One more ends the one that has been idle longest.
    head_s
        Seconds for the head of a request.
    """
    idle: dict[_Bounded, None] = {}

    class Bounded(_Bounded):
        waiting, most_connections, seconds = idle, most, head_s

    return Bounded


class _Bounded(H11Protocol):
    waiting: dict[_Bounded, None]
    """Connections without a request, the one that has been idle longest first."""
    most_connections: int
    seconds: float

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - as uvicorn's
        super().__init__(*arguments, **options)
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > self.most_connections:
            oldest = next(iter(self.waiting))
            # At once: it is gone only in the next turn of the event loop, and more may come in this one.
            oldest.stop_waiting()
            oldest.connections.discard(oldest)
            oldest.transport.abort()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # There is no cycle before the first request.
        if not getattr(self.cycle, "response_complete", True):
            self.stop_waiting()

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self.stop_waiting()
        self.waiting[self] = None
        self._late = self.loop.call_later(self.seconds, self.transport.abort)

    def stop_waiting(self) -> None:
        """Count as idle no more."""
        self.waiting.pop(self, None)
        if self._late is not None:
            self._late.cancel()
            self._late = None
