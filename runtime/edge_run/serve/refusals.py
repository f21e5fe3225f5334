"""Why a request is refused, as the HTTP response that says so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

import msgspec
from starlette.responses import Response

from edge_run.cases import CaseLogError
from edge_run.errors import BackendError, BundleError, EdgeRunError, InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

LOGGER = logging.getLogger(__name__)
JSON = "application/json"


class RefusedError(EdgeRunError):
    """A request that is refused before a scan is looked at.

    Parameters
    ----------
    status
        Of the response.
    headers
        Further headers of the response.
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, status: int, message: str, *, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status, self.headers = status, dict(headers or {})


class BusyError(RefusedError):
    """All slots are taken and the queue is full."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            429, "all slots are taken and the queue is full", hint=f"ask again in {seconds} s",
            headers={"Retry-After": str(seconds)},
        )  # fmt: skip


class GoneError(EdgeRunError):
    """The client closed its connection before its turn: nobody would read the answer."""


def json_response(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as JSON."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


def public(error: EdgeRunError) -> tuple[int, EdgeRunError]:
    """Return the status of an error, and the error as a client may read it.

    What concerns the server's own files is only logged, since its message names paths.
    """
    if isinstance(error, RefusedError):
        return error.status, error
    if isinstance(error, GoneError):
        return 499, error
    if isinstance(error, InputError):
        return 422, error
    if isinstance(error, UsageError):
        return 400, error
    LOGGER.warning("a request failed: %s", error)
    if isinstance(error, CaseLogError):
        return 503, CaseLogError("the answer could not be logged, so it is not given", hint="ask the operator")
    if isinstance(error, BackendError | BundleError):
        return 503, type(error)("the networks failed", hint="ask the operator; edge-run verify")
    return 500, EdgeRunError("the request failed", hint="ask the operator")


def refused(error: EdgeRunError) -> Response:
    """Return an error as ``{"error": {"kind", "message", "hint"}}``, as records of the command line carry it."""
    status, shown = public(error)
    headers = shown.headers if isinstance(shown, RefusedError) else None
    return json_response({"error": shown.to_dict()}, status, headers)


async def on_error(request: Request, error: Exception) -> Response:  # noqa: ARG001 - Starlette's signature
    """Answer an error of edge-run's own."""
    assert isinstance(error, EdgeRunError)  # noqa: S101 - registered for nothing else
    return refused(error)
