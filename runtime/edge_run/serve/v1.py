"""``/v1``: the interface for people's programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from edge_run.errors import InputError

from .answering import Ask
from .refusals import RefusedError, json_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from .service import Service

_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


class V1:
    """The endpoints of ``/v1``."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes, in full paths."""
        return [Route("/v1/scans", self.scans, methods=["POST"])]

    async def scans(self, request: Request) -> Response:
        """Answer a scan: the body is the file."""
        self._service.access.require(request, "answer")
        data = await self._service.bodies.read(request)
        ask = Ask(data, early_exit=switch(request, "early_exit"), heatmap=bool(switch(request, "heatmap")))
        records = await self._service.answering.answer(ask, request.is_disconnected)
        if len(records) > 1:
            raise InputError(
                f"the scan holds {len(records)} frames.", hint="Send it as multipart/form-data, which answers a list."
            )
        return json_response(records[0])


def switch(request: Request, name: str) -> bool | None:
    """Return a parameter of a request's query that is on or off; None where it is not given."""
    given = request.query_params.get(name)
    if given is None:
        return None
    if given.lower() not in _TRUE | _FALSE:
        raise RefusedError(400, f"{name} is neither on nor off", hint=f"{name}=1 or {name}=0")
    return given.lower() in _TRUE
