"""An explanation -> the page."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from . import evidence, verdict
from .html import Markup, el, printable
from .style import CSS

if TYPE_CHECKING:
    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest


def name_of(explanation: Explanation) -> str:
    """The scan's file name, without the folders that it lay in: they may say whose it is."""
    return printable(PurePath(explanation.prediction.path.replace("\\", "/")).name) or "scan"


def page(explanation: Explanation, manifest: Manifest) -> str:
    """The whole file: no script, no address outside of it."""
    name = name_of(explanation)
    warnings = verdict.warnings(explanation, manifest)
    body = el(
        "body",
        _header(name, explanation),
        el(
            "main",
            warnings,
            verdict.verdict(explanation, manifest),
            verdict.maps(explanation, manifest),
            verdict.worth(manifest),
            evidence.evidence(explanation),
            evidence.trust(explanation),
            evidence.provenance(explanation),
            class_="warned" if warnings else None,
        ),
    )
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        # Should anything ever get past the escaping, it may load nothing and run nothing.
        el(
            "meta",
            http_equiv="Content-Security-Policy",
            content="default-src 'none'; img-src data:; style-src 'unsafe-inline'",
        ),
        el("title", f"{name}: {explanation.prediction.decision.label}, explained"),
        el("style", Markup(CSS)),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _header(name: str, explanation: Explanation) -> Markup:
    source = explanation.prediction.source
    return el(
        "header",
        el(
            "div",
            el("p", f"Explanation of an answer of {source.bundle}", class_="eyebrow"),
            el("h1", name),
        ),
        el("div", "Research use only", el("br"), "not a medical device", class_="badge"),
    )
