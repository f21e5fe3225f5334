"""Serve an application with uvicorn until a signal ends it."""

from __future__ import annotations

import logging
import os
import signal
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from edge_run.errors import UsageError

from .connections import BACKLOG, HEAD_S, MAX_CONNECTIONS, MAX_HEAD_BYTES, bounded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import FrameType

    from starlette.applications import Starlette
    from typing_extensions import Self

FINISH_S = 20
"""For answers that are being made when the server stops."""


class Listen(NamedTuple):
    """Where and how a server listens.

    Attributes
    ----------
    certificate, key
        Files for TLS; None: no TLS.
    client_ca
        File with the authority that must have signed a client's certificate; None: clients need none.
    proxy
        Address of a proxy whose ``X-Forwarded-Proto`` is believed; empty: none.
    drain_s
        How long to go on answering after SIGTERM, while ``ready`` says no.
    connections, head_s
        As :func:`.connections.bounded` takes them.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    certificate: Path | None = None
    key: Path | None = None
    client_ca: Path | None = None
    proxy: str = ""
    drain_s: float = 5.0
    connections: int = MAX_CONNECTIONS
    head_s: float = HEAD_S


def serve(app: Starlette, listen: Listen, *, started: Callable[[str], None], stopping: Callable[[], None]) -> int:
    """Serve until SIGINT or SIGTERM, and return which of them came.

    Parameters
    ----------
    started
        Called with the server's URL once it listens.
    stopping
        Called after SIGTERM, before the server stops.

    Raises
    ------
    UsageError
        It cannot listen there, or the files for TLS are not what they should be.
    """
    with _Log() as log:
        config = configured(app, listen)
        try:
            listening = config.bind_socket()
        except SystemExit as error:
            reason = f": {log.last}" if log.last else ""
            raise UsageError(
                f"{listen.host}:{listen.port} cannot be listened on{reason}",
                hint="another program may use it: --port 0 takes a free port",
            ) from error
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        url = f"{'https' if config.is_ssl else 'http'}://{host}:{listening.getsockname()[1]}"
        server = _Server(config, listen.drain_s, partial(started, url), stopping)
        server.run(sockets=[listening])
        return server.signal


def configured(app: Starlette, listen: Listen) -> uvicorn.Config:
    """Return the settings of uvicorn.

    Raises
    ------
    UsageError
        The files for TLS are not what they should be.
    """
    config = uvicorn.Config(
        app,
        host=listen.host,
        port=listen.port,
        loop="asyncio",
        http=bounded(listen.connections, listen.head_s),
        backlog=BACKLOG,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(listen.proxy),
        forwarded_allow_ips=listen.proxy or None,
        timeout_graceful_shutdown=FINISH_S,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ssl_certfile=listen.certificate,
        ssl_keyfile=listen.key,
        ssl_ca_certs=str(listen.client_ca) if listen.client_ca else None,
        # ssl.CERT_REQUIRED
        ssl_cert_reqs=2 if listen.client_ca else 0,
    )
    try:
        config.load()
    except OSError as error:
        raise UsageError(
            f"TLS cannot be set up: {error.strerror or error}", hint="check --tls-cert, --tls-key and --tls-client-ca"
        ) from error
    return config


class _Server(uvicorn.Server):
    """Stops after SIGINT at once, after SIGTERM when it has been out of rotation for a while."""

    def __init__(
        self, config: uvicorn.Config, drain_s: float, listens: Callable[[], None], stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._drain_s, self._listens, self._stopping, self._end = drain_s, listens, stopping, float("inf")
        self.signal = 0

    async def startup(self, sockets: list[Any] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._listens()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Take a signal; a second one ends the server at once."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = bool(self.signal) or sig == signal.SIGINT
        self.signal = self.signal or sig
        self._end = time.monotonic() + self._drain_s
        self._stopping()

    async def on_tick(self, counter: int) -> bool:
        """Tell ten times a second whether to stop."""
        return await super().on_tick(counter) or time.monotonic() >= self._end


class _Log(logging.Handler):
    """Takes what uvicorn logs: unexpected errors are passed on without the request, everything else is dropped.

    Attributes
    ----------
    last
        The last error.
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last = ""
        self._logger = logging.getLogger("uvicorn.error")

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record."""
        error = record.exc_info[1] if record.exc_info else None
        self.last = record.getMessage().strip()
        if error is None:
            return
        # Its text may hold something of the request.
        where = error.__traceback__
        while where is not None and where.tb_next is not None:
            where = where.tb_next
        at = f" at {os.path.basename(where.tb_frame.f_code.co_filename)}:{where.tb_lineno}" if where else ""  # noqa: PTH119
        logging.getLogger(__name__).error("unexpected %s%s while a request was served", type(error).__name__, at)

    def __enter__(self) -> Self:
        self._before = self._logger.propagate, self._logger.level
        self._logger.propagate, self._logger.level = False, logging.ERROR
        self._logger.addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate, self._logger.level = self._before
