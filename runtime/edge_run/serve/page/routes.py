"""The routes of the page."""

from __future__ import annotations

import logging
from functools import wraps
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge_run.cases import CaseLogError
from edge_run.errors import EdgeRunError, UsageError
from edge_run.heatmap import mapped_label

from . import pictures
from .environment import HEADERS, REPORT_POLICY, STATIC, page, picture
from .session import delete_cookie, same_origin, set_cookie
from .words import AGREE, DISAGREE, UNSURE, case_words, member_words, other_labels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from .review import Case, Review

    Handler = Callable[[Request], Awaitable[Response]]

LOGGER = logging.getLogger(__name__)
MAX_FORM_BYTES = 32 * 2**10
"""A remark of 2,000 characters takes 24 kB at most as a form sends it."""
DEFAULT_OPACITY = 70


def routes(review: Review) -> list[BaseRoute]:
    """Return the routes of the page, from ``/`` on."""
    pages = Pages(review)
    open_, guarded = pages.open, pages.guarded
    return [
        Route("/", guarded(pages.queue)),
        Route("/cases/{case}", guarded(pages.case)),
        Route("/cases/{case}/scan.png", guarded(pages.scan)),
        Route("/cases/{case}/heatmap.png", guarded(pages.heatmap)),
        Route("/cases/{case}/review", guarded(pages.note), methods=["POST"], max_body_size=MAX_FORM_BYTES),
        Route("/cases/{case}/explain", guarded(pages.explain), methods=["POST"], max_body_size=MAX_FORM_BYTES),
        Route("/cases/{case}/explanation", guarded(pages.explanation)),
        Route("/login", open_(pages.login), methods=["GET", "POST"], max_body_size=MAX_FORM_BYTES),
        Route("/logout", open_(pages.logout), methods=["POST"], max_body_size=MAX_FORM_BYTES),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


class Pages:
    """Answers the requests of the page."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._common: dict[str, Any] = {
            "bundle": review.manifest.name,
            "intended_use": review.manifest.card.intended_use,
            "sessions": review.sessions.needed,
        }

    def guarded(self, handler: Handler) -> Handler:
        """Let a handler answer only who has logged in, where that is needed."""

        @wraps(handler)
        async def answer(request: Request) -> Response:
            if not self._review.sessions.allows(request):
                return RedirectResponse("/login", 303, HEADERS)
            return await handler(request)

        return self.open(answer)

    def open(self, handler: Handler) -> Handler:
        """Refuse forms of other sites, and show what went wrong as a page."""

        @wraps(handler)
        async def answer(request: Request) -> Response:
            try:
                if request.method == "POST" and not same_origin(request):
                    return self._trouble(403, "This form was not sent from this page.", "open the page again")
                return await handler(request)
            except UsageError as error:
                return self._trouble(404 if request.method == "GET" else 400, error.message, error.hint)
            except EdgeRunError as error:
                # The message may name paths: it is for the operator.
                LOGGER.warning("a page failed: %s", error)
                return self._trouble(503, _public(error), "try again; if it stays so, ask the operator")

        return answer

    async def queue(self, request: Request) -> Response:
        """List the flagged cases, the newest first."""
        waiting = request.query_params.get("show") != "all"
        before, after = (_number(request.query_params.get(name)) for name in ("before", "after"))
        listed = await run_in_threadpool(self._review.listed, waiting=waiting, before=before, after=after)
        return page(
            "queue.html.j2",
            **self._common,
            rows=[case_words(case, self._review.manifest) for case in listed.cases],
            listed=listed,
            waiting=waiting,
            keep_images=self._review.keep_images,
            noted=_noted(request),
        )

    async def case(self, request: Request) -> Response:
        """Show one case."""
        waiting = request.query_params.get("show") != "all"
        opened = await run_in_threadpool(self._review.opened, request.path_params["case"], waiting=waiting)
        case, review = opened.case, self._review
        kept = review.is_kept(case)
        return page(
            "case.html.j2",
            **self._common,
            case=case,
            words=case_words(case, review.manifest),
            members=member_words(case, review.manifest),
            opened=opened,
            waiting=waiting,
            kept=kept,
            heatmap=kept and review.maps is not None and review.same_bundle(case),
            same_bundle=review.same_bundle(case),
            mapped=mapped_label(review.manifest.task, case["label"]),
            opacity=_opacity(request),
            others=other_labels(case),
            explain=review.explanations is not None and kept and review.same_bundle(case),
            explained=review.explanations.state(case["id"]) if review.explanations else "",
            keep_images=review.keep_images,
            noted=_noted(request),
        )

    async def scan(self, request: Request) -> Response:
        """Answer with the scan of a case as PNG."""
        case = await self._case(request)
        scan = await run_in_threadpool(self._review.scan, case)
        if scan is None:
            raise UsageError("the scan of this case was not kept")
        return picture(await run_in_threadpool(pictures.scan_png, scan))

    async def heatmap(self, request: Request) -> Response:
        """Answer with the heatmap of a case, a transparent PNG of the size of its scan."""
        case, review = await self._case(request), self._review
        if review.maps is None or not review.same_bundle(case):
            raise UsageError("there is no heatmap of this case: another bundle answered it")
        key = (case["id"], case["bundle_sha256"])
        if (kept := review.drawn.get(key)) is not None:
            return picture(kept)
        scan = await run_in_threadpool(review.scan, case)
        if scan is None:
            raise UsageError("the scan of this case was not kept")
        maps = await review.maps(scan, early_exit=case["interval"] is not None)
        png = await run_in_threadpool(pictures.map_png, maps, scan)
        review.drawn.put(key, png)
        return picture(png)

    async def note(self, request: Request) -> Response:
        """Note what the reviewer says, and go on to the next case that waits."""
        async with request.form(max_files=0, max_fields=8) as form:
            given = {name: str(value) for name, value in form.items()}
        case_id, verdict = request.path_params["case"], given.get("verdict", "")
        following = await run_in_threadpool(
            self._review.noted,
            case_id,
            verdict,
            given.get("label") or None,
            given.get("remark", ""),
            notes=_number(given.get("notes")) or 0,
        )
        to = f"/cases/{following}" if following else "/"
        return RedirectResponse(f"{to}?noted={case_id}&verdict={verdict}", 303, HEADERS)

    async def explain(self, request: Request) -> Response:
        """Start to explain a case, in the background."""
        case, explanations = await self._case(request), self._review.explanations
        if explanations is None:
            raise UsageError("this server cannot explain", hint="pip install 'edge-run[explain]', then start it again")
        await run_in_threadpool(explanations.start, case["id"])
        return RedirectResponse(f"/cases/{case['id']}/explanation", 303, HEADERS)

    async def explanation(self, request: Request) -> Response:
        """Answer with the report of a case, or with how far it is."""
        case, explanations = await self._case(request), self._review.explanations
        report = explanations.report(case["id"]) if explanations else None
        state = explanations.state(case["id"]) if explanations else ""
        if report is not None and state == "done":
            text = await run_in_threadpool(report.read_bytes)
            return Response(text, media_type="text/html", headers=HEADERS | {"Content-Security-Policy": REPORT_POLICY})
        message = explanations.message(case["id"]) if explanations else ""
        response = page("explanation.html.j2", **self._common, case=case, state=state, message=message)
        if state == "waiting" and "stay" not in request.query_params:
            response.headers["Refresh"] = "5"
        return response

    async def login(self, request: Request) -> Response:
        """Ask for an access token, and open a session with it."""
        sessions, failed = self._review.sessions, False
        if request.method == "POST":
            async with request.form(max_files=0, max_fields=4) as form:
                name = await run_in_threadpool(sessions.open, str(form.get("token", "")).strip())
            if name is not None:
                response = RedirectResponse("/", 303, HEADERS)
                set_cookie(response, request, name)
                return response
            failed = True
        if not sessions.needed or (not failed and sessions.allows(request)):
            return RedirectResponse("/", 303, HEADERS)
        return page("login.html.j2", 401 if failed else 200, **self._common, failed=failed)

    async def logout(self, request: Request) -> Response:
        """End a session."""
        self._review.sessions.close(request)
        response = RedirectResponse("/login", 303, HEADERS)
        delete_cookie(response)
        return response

    async def _case(self, request: Request) -> Case:
        opened = await run_in_threadpool(self._review.opened, request.path_params["case"], waiting=False)
        return opened.case

    def _trouble(self, status: int, message: str, hint: str) -> Response:
        return page("trouble.html.j2", status, **self._common, status=status, message=message, hint=hint)


def _public(error: EdgeRunError) -> str:
    if isinstance(error, CaseLogError):
        return "The case log cannot be read or written."
    return "The picture or the case cannot be shown."


def _noted(request: Request) -> dict[str, str] | None:
    """Return what was noted just now, for a line on the next page; None where nothing was."""
    query = request.query_params
    verdict, case_id = query.get("verdict", ""), query.get("noted", "")
    known = verdict in (AGREE, DISAGREE, UNSURE) and case_id.isascii() and case_id.isalnum() and len(case_id) <= 12
    return {"case": case_id, "verdict": verdict} if known else None


def _opacity(request: Request) -> int:
    """Return the opacity of the heatmap in percent, in steps of ten, which the style sheet knows."""
    given = _number(request.query_params.get("opacity"))
    return DEFAULT_OPACITY if given is None else min(100, max(0, round(given, -1)))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else None
