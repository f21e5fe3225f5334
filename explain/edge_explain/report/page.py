"""Write an explanation as one HTML page, and an index of several pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import curves
from .environment import environment
from .evidence import draw_curves, draw_regions, draw_shap, provenance_of
from .questions import questions
from .summary import draw_maps, summarise, title_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import PurePath

    from edge_explain.explanation import Explanation
    from edge_run.bundle.manifest import Manifest


class IndexEntry(NamedTuple):
    """One line of the index: the report's path relative to the index, and what it says."""

    link: str
    title: str
    label: str
    probability: float
    flags: tuple[str, ...]
    warnings: int


def page(explanation: Explanation, manifest: Manifest, created: datetime) -> str:
    """Fill the template of the report: one file without a script or an address outside of it."""
    decision = explanation.prediction.decision
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            date=_date(created),
            source=explanation.prediction.source,
            summary=summarise(explanation, manifest),
            votes=len(decision.members),
            originals=explanation.originals,
            origin=explanation.origin,
            maps=draw_maps(explanation, manifest),
            warnings=explanation.trust.warnings,
            card=manifest.card,
            regions=draw_regions(explanation),
            shap=draw_shap(explanation),
            background=explanation.provenance.get("background", "unknown"),
            charts=draw_curves(explanation),
            size=curves,
            questions=questions(explanation),
            provenance=provenance_of(explanation),
        )
    )


def index_entry(explanation: Explanation, report: PurePath) -> IndexEntry:
    """Summarise a report, whose path is relative to the index, for the index."""
    decision = explanation.prediction.decision
    return IndexEntry(
        report.as_posix(),
        title_of(explanation),
        decision.label,
        decision.probability,
        tuple(flag.name for flag in decision.flags),
        len(explanation.trust.warnings),
    )


def index_page(entries: Sequence[IndexEntry], created: datetime) -> str:
    """Fill the template of the index."""
    return environment().get_template("index.html.j2").render(date=_date(created), entries=entries)


def _date(created: datetime) -> str:
    return f"{created:%d %B %Y, %H:%M}"
