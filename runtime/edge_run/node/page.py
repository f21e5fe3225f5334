"""A page for people, and figures for Prometheus, on a port of their own; without anything of a patient."""

from __future__ import annotations

import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from edge_run.errors import UsageError

from .metrics import CONTENT_TYPE, metrics_of
from .status import is_stuck, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from .node import Node

_SECONDS = 5.0
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="10"><title>{title}</title>
<style>body {{ font: 1rem system-ui; margin: 2rem; max-width: 60rem }} table {{ border-collapse: collapse }}
th, td {{ text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #ccc }}
.stuck {{ color: #a00; font-weight: bold }}</style></head>
<body><h1>{title}</h1><p class="{mark}">{summary}</p>{tables}</body></html>
"""


class StatusServer:
    """Serves ``/`` (a page that renews itself), ``/metrics`` and ``/live``.

    Raises
    ------
    UsageError
        The address cannot be listened on.
    """

    def __init__(self, node: Node, host: str, port: int) -> None:
        handler = type("Handler", (_Handler,), {"node": node})
        try:
            self._server = ThreadingHTTPServer((host, port), handler)
        except OSError as error:
            raise UsageError(
                f"the status page cannot listen on {host} port {port}: {error.strerror or error}",
                hint="give another --status-port",
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="node-page", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Handler(BaseHTTPRequestHandler):
    node: Node
    timeout = _SECONDS
    server_version, sys_version = "edge-run", ""

    def do_GET(self) -> None:
        """Answer one request."""
        pages: dict[str, tuple[Callable[[], bytes], str]] = {
            "/": (lambda: page_of(self.node).encode(), "text/html; charset=utf-8"),
            "/metrics": (lambda: metrics_of(self.node), CONTENT_TYPE),
            "/live": (lambda: b"ok\n", "text/plain"),
        }
        found = pages.get(self.path)
        if found is None:
            self.send_error(404)
            return
        content = found[0]()
        self.send_response(200)
        for name, value in {**_HEADERS, "Content-Type": found[1], "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:  # noqa: ANN401
        """Say nothing: a request is no event."""


def page_of(node: Node) -> str:
    """Return the page."""
    status = status_of(node.database)
    stuck = is_stuck(status)
    summary = "Something is stuck: see below." if stuck else "Everything that was received is answered or on its way."
    counted = [
        (kind, peer, outcome, n)
        for kind in ("associations", "instances", "series")
        for (peer, outcome), n in node.counters.of(kind).items()
    ]
    tables = [
        _table("Series", ("state", "number"), sorted(status["series"].items())),
        _table("Answers", ("outcome", "number"), sorted(status["answers"].items())),
        _table("Outbox", ("destination", "delivered", "queued", "to be confirmed", "stuck", "oldest, seconds"), [
            (name, one["delivered"], one["queued"], one["sent"], one["stuck"], one["oldest_seconds"] or "")
            for name, one in status["destinations"].items()
        ]),
        _table("Troubles", ("destination", "objects", "what the archive said", "attempts"), [
            (name, trouble["objects"], trouble["status"], trouble["attempts"])
            for name, one in status["destinations"].items() for trouble in one["troubles"]
        ]),
        _table("Since the start", ("what", "peer", "outcome", "number"), counted),
    ]  # fmt: skip
    title = escape(f"{node.settings.ae_title}: edge-run node")
    return _PAGE.format(title=title, mark="stuck" if stuck else "", summary=summary, tables="".join(tables))


def _table(title: str, columns: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"
