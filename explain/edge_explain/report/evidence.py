"""The second page: attributions, and whether they can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import words
from .curves import chart
from .html import Markup, el, join
from .pictures import mapped, regions, scale

if TYPE_CHECKING:
    from edge_explain.explanation import Explanation, Regions

NUMBERED = 6
SHORT = 16
"""Letters of a value that does not get a line to itself."""


def evidence(explanation: Explanation) -> Markup | None:
    """Shapley regions and GradientShap; nothing where neither was asked for."""
    parts = [_regions(explanation), _shap(explanation)]
    return join(parts) if any(parts) else None


def trust(explanation: Explanation) -> Markup:
    """Curves, and the questions with their answers."""
    label, measured = explanation.label, explanation.trust
    charts = []
    for name, curve, across, reading in (
        ("Insertion", measured.insertion, "share of the scan put in", "A high curve is a good map."),
        ("Deletion", measured.deletion, "share of the scan taken out", "A low curve is a good map."),
    ):
        if curve is not None:
            caption = el("figcaption", el("b", f"{name}: mean {curve.area:.2f}. "), reading)
            charts.append(el("figure", chart(curve, label, across), caption))
    questions = [
        el(
            "tr",
            el("td", row.question),
            el("td", row.answer or "\u2013", class_=row.mood or None),
            el("td", row.figures, class_="soft"),
        )
        for row in words.rows(explanation)
    ]
    heads = ("Question", "Answer", "Figures")
    table = el(
        "table",
        el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
        el("tbody", *questions),
        class_="trust",
    )
    return el(
        "section",
        el("div", el("h2", "Can the explanation be believed?"), class_="head"),
        el("div", el("div", *charts, class_="charts"), table, class_="believed") if charts else table,
    )


def provenance(explanation: Explanation) -> Markup:
    """Hashes, versions, command."""
    prediction = explanation.prediction
    known = {
        "scan sha256": prediction.scan_sha256,
        "scan": "; ".join(prediction.steps),
        "bundle": prediction.source.bundle,
        "bundle sha256": prediction.source.bundle_sha256,
        "compiled": f"{prediction.source.precision} on {prediction.source.backend}",
        "edge-run": prediction.source.version,
        **explanation.provenance,
    }
    short = {name: value for name, value in known.items() if len(value) <= SHORT}
    long = {name: value for name, value in known.items() if name not in short}
    long["also"] = ", ".join(f"{name} {value}" for name, value in short.items())
    entries = [el("div", el("dt", name), el("dd", value)) for name, value in long.items()]
    return el("section", el("div", el("h2", "Where this comes from"), class_="head"), el("dl", *entries))


def _regions(explanation: Explanation) -> Markup | None:
    found = explanation.regions
    if found is None:
        return None
    label, end = explanation.label, max(0.01, float(np.abs(found.values).max()))
    numbered = [int(region) for region in np.argsort(-np.abs(found.values))[:NUMBERED]]
    share = np.bincount(found.segments.ravel(), minlength=len(found.values)) / found.segments.size
    rows = [
        el(
            "tr",
            el("td", number),
            el("td", _points(found.values[region]), class_=f"n {'plus' if found.values[region] > 0 else 'minus'}"),
            el("td", f"{share[region]:.1%}", class_="n"),
        )
        for number, region in enumerate(numbered, 1)
    ]
    rest = np.delete(found.values, numbered)
    others = _other_regions(found, rest, numbered, share)
    heads = (("Region", None), ("Adds, points", "n"), ("Of the scan", "n"))
    table = el(
        "table",
        el("thead", el("tr", *(el("th", name, class_=kind, scope="col") for name, kind in heads))),
        el("tbody", *rows, others),
    )
    alt = f"regions of the scan by what they add to the probability of {label}"
    return el(
        "section",
        el(
            "div",
            el("h2", "What each region adds"),
            scale(100 * end, label, "percentage points", "+.2g"),
            class_="head",
        ),
        el(
            "div",
            el("figure", regions(explanation.scan.pixels, found, end, numbered, alt)),
            el("div", table, _reading(found, label)),
            class_="shapley",
        ),
        class_="evidence",
    )


def _other_regions(found: Regions, rest: np.ndarray, numbered: list[int], share: np.ndarray) -> Markup | None:
    if not len(rest):
        return None
    area = 1 - float(share[numbered].sum())
    return el(
        "tr",
        el("td", f"{len(found.values) - len(numbered)} others"),
        el("td", _points(float(rest.sum())), class_="n"),
        el("td", f"{area:.1%}", class_="n"),
    )


def _reading(found: Regions, label: str) -> Markup:
    return el(
        "p",
        f"Shapley values of the compiled ensemble: with every region blurred it gives {label} "
        f"{found.empty:.1%}, with all of them {found.full:.1%}; the regions share the difference. "
        f"{found.evaluations} evaluations.",
        class_="soft",
    )


def _shap(explanation: Explanation) -> Markup | None:
    if not explanation.shap:
        return None
    end = max(float(np.percentile(np.abs(values), 99.5)) for values in explanation.shap.values()) or 1.0
    figures = [
        el(
            "figure",
            mapped(explanation.scan.pixels, values, end, f"GradientShap of {member_id}", line=0),
            el("figcaption", el("b", member_id), f" of the original, gap {_gap(explanation, member_id)}"),
        )
        for member_id, values in explanation.shap.items()
    ]
    return el(
        "section",
        el(
            "div",
            el("h2", "What each pixel adds (GradientShap)"),
            scale(end, explanation.label, "log-odds a pixel", "+.2g"),
            class_="head",
        ),
        el("div", *figures, class_="many"),
    )


def _gap(explanation: Explanation, member_id: str) -> str:
    gap = explanation.completeness.get(member_id)
    return "unknown" if gap is None else f"{gap:+.2f}".replace("-", "\u2212")


def _points(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "\u2212")
