"""The routes of the protocol."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from edge_run._version import __version__
from edge_run.errors import EdgeRunError
from edge_run.serve.refusals import RefusedError, json_response, public

from .messages import HEADER_LENGTH, WantedOutput, read_question, write_answer
from .models import LABEL, PROBABILITIES, RECORD, decoded_images, models_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from edge_run.serve.service import Service

    from .models import Model

    Endpoint = Callable[[Request], Awaitable[Response]]

EXTENSIONS = ["binary_tensor_data", "classification"]


class Oip:
    """The endpoints of the protocol."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._models = models_of(service.answering)

    def routes(self) -> list[BaseRoute]:
        """Return the routes, in full paths."""
        found: list[BaseRoute] = [
            Route("/v2", _in_protocol(self.server)),
            Route("/v2/health/live", _in_protocol(self.live)),
            Route("/v2/health/ready", _in_protocol(self.ready)),
        ]
        for path in ("/v2/models/{model}", "/v2/models/{model}/versions/{version}"):
            found += [
                Route(path, _in_protocol(self.metadata)),
                Route(f"{path}/ready", _in_protocol(self.model_ready)),
                Route(f"{path}/infer", _in_protocol(self.infer), methods=["POST"]),
            ]
        return found

    async def server(self, request: Request) -> Response:
        """Describe the server."""
        self._service.access.require(request)
        return json_response({"name": "edge-run", "version": __version__, "extensions": EXTENSIONS})

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - a supervisor has no token
        """Tell that the server runs."""
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002 - a load balancer has no token
        """Tell whether scans are answered now."""
        ready = not await self._service.readiness.reasons()
        return json_response({"ready": ready}, 200 if ready else 503)

    async def metadata(self, request: Request) -> Response:
        """Describe a model."""
        self._service.access.require(request)
        return json_response(self._model(request).metadata())

    async def model_ready(self, request: Request) -> Response:
        """Tell whether a model answers now."""
        model = self._model(request)
        ready = not await self._service.readiness.reasons()
        return json_response({"name": model.name, "ready": ready}, 200 if ready else 503)

    async def infer(self, request: Request) -> Response:
        """Answer the scans of a request."""
        self._service.access.require(request, "answer")
        model = self._model(request)
        async with self._service.bodies.reading(request) as body:
            # In a thread: a large request takes a second, in which the event loop would serve nobody.
            question, inputs = await run_in_threadpool(read_question, body, request.headers.get(HEADER_LENGTH))
        wanted = model.checked(question.outputs) or [WantedOutput(name) for name in (PROBABILITIES, LABEL, RECORD)]
        if model.image:
            written = {one.name for one in question.inputs if one.data is not None and one.datatype == "BYTES"}
            inputs = [decoded_images(one) if one.name in written else one for one in inputs]
        records = await model.infer(inputs, request.is_disconnected)
        about: dict[str, Any] = {"model_name": model.name, "model_version": model.version}
        if question.id is not None:
            about["id"] = question.id
        binary = [question.is_binary(one) for one in wanted]
        answer, headers = write_answer(about, list(zip(model.outputs(records, wanted), binary, strict=True)))
        return Response(answer, headers=headers)

    def _model(self, request: Request) -> Model:
        name, version = request.path_params["model"], request.path_params.get("version")
        model = self._models.get(name)
        if model is None:
            raise RefusedError(404, f"there is no model {name[:40]!r}", hint=f"one of {', '.join(self._models)}")
        if version not in (None, model.version):
            raise RefusedError(404, f"model {name} has no version {version[:40]!r}", hint=f"version {model.version}")
        return model


def _in_protocol(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint say what is wrong as the protocol does: ``{"error": "..."}``."""

    @wraps(endpoint)
    async def wrapped(request: Request) -> Response:
        try:
            return await endpoint(request)
        except EdgeRunError as error:
            status, shown = public(error)
            headers = shown.headers if isinstance(shown, RefusedError) else None
            text = f"{shown.message} ({shown.hint})" if shown.hint else shown.message
            return json_response({"error": text}, 400 if status == 422 else status, headers)

    return wrapped
