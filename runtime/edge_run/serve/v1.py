"""``/v1``: the interface for people's programs; `v1_cases` has its part for the case log."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from edge_run._files import sha256
from edge_run.bundle.description import describe
from edge_run.errors import EdgeRunError

from .answering import Ask
from .idempotency import request_hash
from .multipart import files_of
from .openapi import document
from .refusals import GoneError, RefusedError, json_response, public

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from .answering import Record
    from .service import Service
    from .tokens import Token

KEY, REPLAYED = "Idempotency-Key", "Idempotent-Replayed"
_TRUE, _FALSE = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})


class V1:
    """The endpoints that answer scans and describe what answers."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._bundle = describe(service.answering.ensemble.bundle)
        self._document = document(service.answering.ensemble.manifest)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, in full paths."""
        return [
            Route("/v1/scans", self.scans, methods=["POST"]),
            Route("/v1/bundle", self.bundle),
            Route("/v1/openapi.json", self.openapi),
            Route("/v1/ready", self.ready),
        ]

    async def scans(self, request: Request) -> Response:
        """Answer the scan that is the body, or all files of a form."""
        token = self._service.access.require(request, "answer")
        ask = Ask(b"", early_exit=switch(request, "early_exit"), heatmap=bool(switch(request, "heatmap")), single=True)
        async with self._service.bodies.reading(request) as data:
            if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "multipart/form-data":
                return json_response(await self._form(request, data, ask))
            return await self._one(request, ask._replace(data=data), token)

    async def bundle(self, request: Request) -> Response:
        """Describe the bundle that answers."""
        self._service.access.require(request)
        return json_response(self._bundle)

    async def openapi(self, request: Request) -> Response:  # noqa: ARG002 - the document holds no secret
        """Return the description of this interface."""
        return json_response(self._document)

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 - a load balancer has no token
        """Tell whether scans are answered now."""
        reasons = await self._service.readiness.reasons()
        return json_response({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _one(self, request: Request, ask: Ask, token: Token | None) -> Response:
        key = request.headers.get(KEY)
        if key is None:
            (record,) = await self._service.answering.answer(ask, request.is_disconnected)
            return json_response(record)
        if self._service.replays is None:
            raise RefusedError(400, f"{KEY} needs the case log, which this server does not keep", hint="leave it out")
        hashed = request_hash(token.name if token else "", key)
        record, replayed = await self._service.replays.once(
            hashed, sha256(ask.data), partial(self._logged_once, ask._replace(request=hashed))
        )
        return json_response(record, headers={REPLAYED: "true" if replayed else "false"})

    async def _logged_once(self, ask: Ask) -> Record:
        # It is answered although its client may leave: the client asks again.
        (record,) = await self._service.answering.answer(ask)
        return record

    async def _form(self, request: Request, data: bytes, ask: Ask) -> list[Record]:
        """Answer the files of a form one by one, as ``edge-run predict --json`` does: one that fails stops no other."""
        if KEY in request.headers:
            raise RefusedError(400, f"{KEY} is for one scan", hint="send the scan as the body, without a form")
        records: list[Record] = []
        for number, file in enumerate(await run_in_threadpool(files_of, data, request.headers)):
            one = ask._replace(data=file.data, name=file.name, single=False)
            try:
                records += await self._service.answering.answer(one, request.is_disconnected, patient=number > 0)
            except (GoneError, RefusedError):
                raise
            except EdgeRunError as error:
                records.append({"path": file.name, "error": public(error)[1].to_dict()})
        return records


def switch(request: Request, name: str) -> bool | None:
    """Return a parameter of a request's query that is on or off; None where it is not given.

    Raises
    ------
    RefusedError
        It is something else.
    """
    given = request.query_params.get(name)
    if given is None:
        return None
    if given.lower() not in _TRUE | _FALSE:
        raise RefusedError(400, f"{name} is neither on nor off", hint=f"{name}=1 or {name}=0")
    return given.lower() in _TRUE
