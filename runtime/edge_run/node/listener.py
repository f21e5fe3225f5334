"""The door: a listener that one peer alone cannot hold shut."""

from __future__ import annotations

import gc
import logging
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pynetdicom import AE, _config
from pynetdicom.transport import ThreadedAssociationServer

from edge_run.errors import UsageError

from .association import CLOSING_S, MAX_PDU, Handler
from .lobby import Lobby
from .presentation import EXPLICIT, IMPLICIT, STORAGE_COMMITMENT, VERIFICATION, received_classes, received_syntaxes
from .results.uids import IMPLEMENTATION_CLASS_UID, implementation_version

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from pynetdicom.association import Association
    from pynetdicom.events import EventHandlerType
    from pynetdicom.pdu_primitives import A_ASSOCIATE
    from typing_extensions import Self

    from .counters import Counters
    from .settings import Settings, Tls
    from .statuses import Rejection

_HANDSHAKES = 64
"""TLS handshakes that may run at once."""
_NEGOTIATING = 64
"""Associations beyond those allowed that may be rejected at once; of more, the connection is closed."""
_BACKLOG = 128
_POLL_S = 0.1
"""How soon a stop is noticed."""
_COLLECT_S = 30.0


class Bounds(NamedTuple):
    """What an association may cost, and who is asked about it.

    Attributes
    ----------
    judge
        Returns why a requested association is rejected; None where it is not.
    on_too_large
        Called when a message is larger than ``most_bytes``.
    """

    judge: Callable[[Association, A_ASSOCIATE], Rejection | None]
    most_bytes: int
    on_too_large: Callable[[], None]


class _Server(ThreadedAssociationServer):
    """Accepts, and lets each connection wait in the lobby; nothing of it blocks the thread that accepts."""

    request_queue_size = _BACKLOG
    daemon_threads = True
    _collected = 0.0
    bounds: Bounds
    lobby: Lobby

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept, and leave TLS for later."""
        connection, address = cast("socket.socket", self.socket).accept()
        return connection, address

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as socketserver has them
        """Let the connection wait until it says something."""
        self.lobby.add(request, client_address)

    def service_actions(self) -> None:
        """Collect dead associations, which hold each other in circles; by time, not by the number of polls."""
        if time.monotonic() - self._collected > _COLLECT_S:
            self._collected = time.monotonic()
            gc.collect()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing: what a stranger sends is no reason to write."""


class Listener:
    """Listens for associations in threads of its own, until it is closed.

    Parameters
    ----------
    handlers
        Of pynetdicom's events.

    Raises
    ------
    UsageError
        The address is in use or is not this machine's, or a TLS file cannot be read.
    """

    def __init__(
        self, settings: Settings, bounds: Bounds, handlers: Sequence[EventHandlerType], counters: Counters
    ) -> None:
        silence_libraries()
        self._counters = counters
        self._context = server_context(settings.tls) if settings.tls else None
        self._handshakes = threading.BoundedSemaphore(_HANDSHAKES)
        self._seconds = settings.association_seconds
        self._most = settings.max_associations + _NEGOTIATING
        entity = application_entity(settings)
        _add_contexts(entity, settings)
        try:
            server = entity.make_server(
                (settings.host, settings.port),
                evt_handlers=list(handlers),
                server_class=_Server,
                request_handler=Handler,
            )
        except OSError as error:
            raise UsageError(
                f"the node cannot listen on {settings.host} port {settings.port}: {error.strerror or error}",
                hint="another program may use the port: give --port",
            ) from error
        self._server, self._entity = cast("_Server", server), entity
        # Or shutdown() raises ValueError.
        entity._servers.append(self._server)  # noqa: SLF001
        self._server.bounds = bounds
        self._server.lobby = Lobby(self._seconds, self._enter, self._count, tls=self._context is not None)
        accept = self._server.serve_forever
        self._thread = threading.Thread(target=accept, args=(_POLL_S,), name="node-accept", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def waiting(self) -> int:
        """Connections that have not said anything yet."""
        return self._server.lobby.waiting

    @property
    def associations(self) -> list[Association]:
        """Associations that are open or being negotiated."""
        return self._server.active_associations

    def close(self) -> None:
        """Stop accepting, and end what is open."""
        self._server.shutdown()
        self._server.lobby.close()
        for association in self.associations:
            with suppress(Exception):
                association.acse_timeout = CLOSING_S
                association.abort(block=False)

    def _count(self, why: str) -> None:
        self._counters.add("connections", why)

    def _enter(self, connection: socket.socket, address: tuple[str, int]) -> None:
        """Begin an association; with TLS after the handshake, in a thread of its own."""
        if self._context is None:
            self._begin(connection, address)
        elif self._handshakes.acquire(blocking=False):
            threading.Thread(target=self._shake, args=(connection, address), name="node-tls", daemon=True).start()
        else:
            self._count("crowded")
            connection.close()

    def _shake(self, connection: socket.socket, address: tuple[str, int]) -> None:
        assert self._context is not None  # noqa: S101 - asked for by the caller
        try:
            secured = self._context.wrap_socket(connection, server_side=True)
        except (OSError, ValueError):
            self._count("tls-failed")
            connection.close()
        else:
            self._begin(secured, address)
        finally:
            self._handshakes.release()

    def _begin(self, connection: socket.socket, address: tuple[str, int]) -> None:
        if len(self.associations) >= self._most:
            self._count("crowded")
            connection.close()
            return
        try:
            self._server.finish_request(connection, address)
        except Exception:  # noqa: BLE001 - whatever one connection does, the others go on
            self._count("failed")
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def application_entity(settings: Settings) -> AE:
    """Return the node's application entity, with its name and timeouts, without contexts."""
    entity = AE(settings.ae_title)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = implementation_version()
    entity.maximum_pdu_size = MAX_PDU
    entity.acse_timeout = settings.association_seconds
    entity.dimse_timeout = settings.message_seconds
    entity.network_timeout = settings.idle_seconds
    entity.connection_timeout = settings.association_seconds
    # The node judges by itself, before pynetdicom does.
    entity.maximum_associations = 10_000
    return entity


def server_context(files: Tls) -> ssl.SSLContext:
    """Make the context of a listener: TLS 1.2 or later; senders must show a certificate where a CA is given.

    Raises
    ------
    UsageError
        A file cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, files)
    if files.ca:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(files: Tls) -> ssl.SSLContext:
    """Make the context of a connection to others: TLS 1.2 or later, their certificate and name are checked.

    Raises
    ------
    UsageError
        A file cannot be read.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    _load(context, files)
    return context


def _load(context: ssl.SSLContext, files: Tls) -> None:
    try:
        if files.certificate:
            context.load_cert_chain(files.certificate, files.key or None)
        if files.ca:
            context.load_verify_locations(files.ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"a TLS file cannot be used: {error}", hint="PEM: certificate, key and ca") from error


def _add_contexts(entity: AE, settings: Settings) -> None:
    entity.add_supported_context(VERIFICATION, [IMPLICIT, EXPLICIT])
    syntaxes = [one.uid for one in received_syntaxes()]
    for service in received_classes(settings.also):
        entity.add_supported_context(service.uid, syntaxes)
    # For the archive's report on what it took responsibility for: it calls, as SCP of the service (PS3.4 J.3).
    entity.add_supported_context(STORAGE_COMMITMENT, [IMPLICIT, EXPLICIT], scu_role=False, scp_role=True)


def silence_libraries() -> None:
    """Keep the DICOM packages from logging: data sets, UIDs and strangers' AE titles would be in it."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
    for name in ("pynetdicom", "highdicom", "pydicom"):
        # Their modules' loggers inherit the level, whatever the root logger shows.
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
