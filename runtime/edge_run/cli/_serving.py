"""What ``edge-run serve`` does once its networks are loaded."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from edge_run.serve.answering import Answering
from edge_run.serve.app import MAX_BODY, create_app
from edge_run.serve.bodies import Bodies
from edge_run.serve.case_writer import CaseWriter
from edge_run.serve.security import Access
from edge_run.serve.server import serve
from edge_run.serve.service import Service
from edge_run.serve.tokens import Tokens

from .output import say

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.ensemble.ensemble import Ensemble


def run(
    ensemble: Ensemble,
    host: str,
    port: int,
    queue: int,
    tokens: Path | None,
    case_log: Path | None,
    no_case_log: bool,
    keep_images: bool,
) -> None:
    """Serve until a signal comes."""
    cases = None if no_case_log else CaseWriter(case_log, keep_images=keep_images)
    answering = Answering(ensemble, cases, queue=queue)
    known = Tokens(tokens) if tokens else None
    service = Service(answering, Access(known), Bodies(4 * MAX_BODY))
    app = create_app(service, page=_page(ensemble, cases, known) if cases else ())
    say(f"serving on http://{host}:{port}; Ctrl-C or SIGTERM ends it")
    try:
        serve(app, host, port)
    finally:
        answering.close()
        if cases:
            cases.close()


def _page(ensemble: Ensemble, cases: CaseWriter, known: Tokens | None) -> list[Any]:
    """Return the routes of the page for review."""
    if importlib.util.find_spec("edge_run.serve.page") is None:
        return []
    page = importlib.import_module("edge_run.serve.page")
    review = importlib.import_module("edge_run.serve.page.review")
    return list(
        page.routes(review.Review(log=cases.path, bundle=ensemble.bundle, tokens=known, keep_images=cases.keep_images))
    )
