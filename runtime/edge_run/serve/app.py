"""The application: the interfaces behind one guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from edge_run.errors import EdgeRunError

from .refusals import RefusedError, on_error, refused
from .security import LOOPBACK, Guard
from .v1 import V1

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from .service import Service

MAX_BODY = 64 * 2**20
"""Bytes of one request's body, by default."""


def create_app(
    service: Service,
    *,
    hosts: Iterable[str] = LOOPBACK,
    max_body: int = MAX_BODY,
    page: Iterable[BaseRoute] = (),
) -> Starlette:
    """Make the application.

    Parameters
    ----------
    hosts
        Names by which it may be called.
    max_body
        Most bytes of one request's body.
    page
        Routes of the page on which flagged cases are reviewed.
    """
    return Starlette(
        routes=[*V1(service).routes(), *page],
        middleware=[Middleware(Guard, hosts=hosts)],
        exception_handlers={EdgeRunError: on_error, HTTPException: _on_http_error},
        max_body_size=max_body,
    )


async def _on_http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer an error of Starlette's in the same form as edge-run's own."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return refused(RefusedError(error.status_code, error.detail.lower(), headers=error.headers))
