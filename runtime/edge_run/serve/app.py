"""The application: the interfaces behind one guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.routing import Route

from edge_run.errors import EdgeRunError

from .measured import Measured
from .oip import Oip
from .refusals import RefusedError, json_response, on_error, refused
from .security import Guard
from .v1 import V1
from .v1_cases import V1Cases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from .hosts import Hosts
    from .metrics import Metrics
    from .service import Service

MAX_FORM = 2**16
"""Bytes of a form of the page."""


def create_app(
    service: Service, *, hosts: Hosts, page: Iterable[BaseRoute] = (), metrics: Metrics | None = None
) -> Starlette:
    """Make the application.

    Parameters
    ----------
    hosts
        Names by which it may be called.
    page
        Routes of the page on which flagged cases are reviewed.
    metrics
        What requests and answers are counted by; None: they are not.
    """
    measured = []
    if metrics:
        service.answering.on_answer = metrics.answered
        metrics.watch(service.answering.slots)
        measured = [Middleware(Measured, metrics=metrics)]
    cases = service.answering.cases
    routes: list[BaseRoute] = [
        *V1(service).routes(),
        *(V1Cases(service, cases.path).routes() if cases else ()),
        *Oip(service).routes(),
        *(_with_bounded_body(route) for route in page),
    ]
    return Starlette(
        routes=routes,
        middleware=[*measured, Middleware(Guard, hosts=hosts)],
        exception_handlers={EdgeRunError: on_error, HTTPException: _on_http_error, Exception: _on_unexpected},
    )


def _with_bounded_body(route: BaseRoute) -> BaseRoute:
    if isinstance(route, Route):
        route.app = RequestBodyLimitMiddleware(route.app, MAX_FORM)
    return route


async def _on_http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer an error of Starlette's in the same form as edge-run's own."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    return refused(RefusedError(error.status_code, error.detail.lower(), headers=error.headers))


async def _on_unexpected(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer what nobody expected; the server writes it to its log."""
    return json_response({"error": EdgeRunError("the request failed", hint="ask the operator").to_dict()}, 500)
