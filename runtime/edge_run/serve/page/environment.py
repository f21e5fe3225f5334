"""The templates of the page, and the headers of its answers."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

FOLDER = Path(__file__).parent
STATIC = FOLDER / "static"

POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox"
)
"""For a report of ``edge-run explain``: one file that holds its pictures and styles and runs nothing."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # With no-referrer, browsers send "Origin: null" with a form, and the check of the origin would refuse our own.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # A shared screen must not show a patient's scan from its cache after the session has ended.
    "Cache-Control": "no-store",
}


def page(template: str, code: int = 200, **values: Any) -> Response:  # noqa: ANN401 - whatever a template shows
    """Fill a template."""
    return HTMLResponse(_environment().get_template(template).render(values), code, HEADERS)


def picture(png: bytes) -> Response:
    """Answer with a picture, which the browser may show again on this page without asking, and must not store."""
    return Response(png, media_type="image/png", headers=HEADERS)


@functools.cache
def _environment() -> Environment:
    found = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["percent"] = lambda share, digits=1: f"{share:.{digits}%}"
    return found


def _printable(value: object) -> object:
    """Replace what does not print: labels and remarks are other people's, and could reverse the text's direction."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in value)
