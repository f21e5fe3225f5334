"""``/v1/cases``: the case log, read and annotated by people's programs."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from edge_run.cases import CaseLog, cases, find
from edge_run.cases.location import images_folder
from edge_run.cases.notes import note
from edge_run.errors import UsageError

from .page.pictures import read_kept
from .refusals import RefusedError, json_response
from .v1 import switch

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from .service import Service

    Case = dict[str, Any]

LIMIT, MAX_LIMIT = 20, 500
MAX_NOTE_BYTES = 2**16


class NoteBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a person says about a case.

    Attributes
    ----------
    label
        What the scan shows; None: only a remark.
    """

    label: str | None = None
    remark: str = ""


class V1Cases:
    """The endpoints of the case log; each opens it anew, since SQLite wants a connection in one thread."""

    def __init__(self, service: Service, log: Path) -> None:
        self._service, self._log = service, log

    def routes(self) -> list[BaseRoute]:
        """Return the routes, in full paths."""
        return [
            Route("/v1/cases", self.list),
            Route("/v1/cases/{case}", self.show),
            Route("/v1/cases/{case}/heatmap.png", self.heatmap),
            Route("/v1/cases/{case}/notes", self.note, methods=["POST"], max_body_size=MAX_NOTE_BYTES),
        ]

    async def list(self, request: Request) -> Response:
        """List cases, the newest first; with ``after``, the oldest of those that came after it first."""
        self._service.access.require(request, "review")
        given = request.query_params
        flagged, limit = bool(switch(request, "flagged")), _limit(given.get("limit", str(LIMIT)))
        reading = partial(self._list, given.get("before"), given.get("after"), flagged=flagged, limit=limit)
        return json_response(await run_in_threadpool(reading))

    async def show(self, request: Request) -> Response:
        """Return one case with its notes."""
        self._service.access.require(request, "review")
        return json_response(await run_in_threadpool(self._find, request.path_params["case"]))

    async def heatmap(self, request: Request) -> Response:
        """Draw the heatmap of a case whose scan was kept."""
        self._service.access.require(request, "review")
        case = await run_in_threadpool(self._find, request.path_params["case"])
        if case["bundle_sha256"] != self._service.answering.ensemble.bundle.sha256:
            raise RefusedError(409, "another bundle answered this case", hint="edge-run serve --bundle BUNDLE")
        scan = await run_in_threadpool(read_kept, case, images_folder(self._log))
        if scan is None:
            raise RefusedError(404, "the scan of this case was not kept", hint="edge-run serve --keep-images")
        picture = await self._service.answering.picture(scan, early_exit=case["interval"] is not None)
        return Response(picture, media_type="image/png")

    async def note(self, request: Request) -> Response:
        """Add a note to a case."""
        self._service.access.require(request, "review")
        try:
            body = msgspec.json.decode(await request.body(), type=NoteBody)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise RefusedError(400, f"the note is not what it should be: {error}", hint='{"label": ..}') from error
        return json_response(await run_in_threadpool(self._note, request.path_params["case"], body), 201)

    def _list(self, before: str | None, after: str | None, *, flagged: bool, limit: int) -> Case:
        with CaseLog.existing(self._log) as log:
            newest_first = after is None
            found = cases(
                log,
                flagged=flagged,
                before=self._seq(log, before) if before is not None else None,
                after=self._seq(log, after) if after is not None else 0,
                newest_first=newest_first,
            )
            page = list(islice(found, limit + 1))
        more = len(page) > limit
        return {"cases": page[:limit], "next": page[limit - 1]["id"] if more else None}

    def _find(self, case: str) -> Case:
        with CaseLog.existing(self._log) as log:
            return _found(log, case)

    def _seq(self, log: CaseLog, case: str) -> int:
        return int(_found(log, case)["seq"])

    def _note(self, case: str, body: NoteBody) -> Case:
        with CaseLog.existing(self._log, write=True) as log:
            found = _found(log, case)
            return note(log, found["id"], label=body.label, remark=body.remark)


def _found(log: CaseLog, case: str) -> Case:
    """Find a case by its id or a part of it that only one has."""
    try:
        return find(log, case)
    except UsageError as error:
        raise RefusedError(
            404, f"there is no case {case[:20]!r}, or there are several", hint="GET /v1/cases"
        ) from error


def _limit(given: str) -> int:
    if not (given.isascii() and given.isdigit() and 0 < int(given[:9]) <= MAX_LIMIT):
        raise RefusedError(400, f"limit is not a number from 1 to {MAX_LIMIT}")
    return int(given)
