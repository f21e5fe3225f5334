"""The listener of the metrics: another port than the answers', so that neither can be reached through the other."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import uvicorn
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route

from edge_run.errors import EdgeRunError, UsageError

from .hosts import Hosts, require_safe
from .refusals import on_error
from .security import Access, Guard
from .server import configured

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from typing_extensions import Self

    from .metrics import Metrics
    from .server import Listen
    from .tokens import Tokens


def serve_metrics(
    listen: Listen, metrics: Metrics, tokens: Tokens | None = None, *, names: Iterable[str] = ()
) -> MetricsServer:
    """Serve metrics from a thread, as ``GET /metrics``.

    Parameters
    ----------
    listen
        Where; beyond loopback it needs TLS and tokens.
    tokens
        One with the scope ``metrics`` is then asked for; None: none is.
    names
        Further names by which it may be called.

    Raises
    ------
    UsageError
        It cannot listen there, or others could read there who should not.
    """
    require_safe(listen.host, tls=bool(listen.certificate or listen.proxy), tokens=tokens is not None)
    return MetricsServer(listen, metrics, tokens, Hosts(listen.host, names))


def at(address: str, listen: Listen) -> Listen:
    """Return how to listen for metrics: at ``HOST:PORT``, encrypted as the server's own listener is.

    Raises
    ------
    UsageError
        ``address`` is something else.
    """
    host, _, port = address.rpartition(":")
    number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
    if not host or not 0 <= number <= 65535:
        raise UsageError(f"{address!r} is no address for metrics", hint="--metrics 127.0.0.1:9464")
    return listen._replace(host=host.strip("[]"), port=number)


class MetricsServer:
    """Serves metrics until it is closed.

    Attributes
    ----------
    url
        Address of the metrics.
    """

    def __init__(self, listen: Listen, metrics: Metrics, tokens: Tokens | None, hosts: Hosts) -> None:
        self._metrics, self._access = metrics, Access(tokens)
        app = Starlette(
            routes=[Route("/metrics", self._answer)],
            middleware=[Middleware(Guard, hosts=hosts)],
            exception_handlers={EdgeRunError: on_error},
        )
        config = configured(app, listen)
        try:
            listening = config.bind_socket()
            # Now, and not in the thread: two sockets may be bound to a port on which nobody listens yet.
            listening.listen(config.backlog)
        except (SystemExit, OSError) as error:
            raise UsageError(
                f"{listen.host}:{listen.port} cannot be listened on for metrics",
                hint="another program may use it; port 0 takes a free one",
            ) from error
        host = f"[{listen.host}]" if ":" in listen.host else listen.host
        self.url = f"{'https' if config.is_ssl else 'http'}://{host}:{listening.getsockname()[1]}/metrics"
        self._server = uvicorn.Server(config)
        self._thread = Thread(target=self._server.run, args=([listening],), name="metrics", daemon=True)
        self._thread.start()

    async def _answer(self, request: Request) -> Response:
        self._access.require(request, "metrics")
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._metrics.registry), headers={"Content-Type": media_type})

    def close(self) -> None:
        """Stop listening."""
        self._server.should_exit = True
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
