"""Counts requests by interface and outcome, from outside of everything that could refuse or fail."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .metrics import Metrics, Outcome

INTERFACES = {"v1": "v1", "v2": "oip"}
"""Interfaces by the first part of a path; everything else is the page."""
REASONS = {
    400: "input", 401: "token", 403: "forbidden", 404: "not-found", 408: "slow", 411: "size", 413: "size", 415: "input",
    421: "host", 422: "input", 429: "busy", 499: "gone", 503: "not-ready",
}  # fmt: skip
"""Why requests are refused, by status."""


class Measured:
    """Middleware that measures each request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count it when it is over."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.perf_counter(), 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            interface = INTERFACES.get(scope["path"].lstrip("/").partition("/")[0], "page")
            self._metrics.request(interface, _outcome(status), time.perf_counter() - begin)
            if status >= 400 and status in REASONS:
                self._metrics.refused(REASONS[status])


def _outcome(status: int) -> Outcome:
    if status < 400:
        return "answered"
    return "refused" if status < 500 or status in REASONS else "failed"
