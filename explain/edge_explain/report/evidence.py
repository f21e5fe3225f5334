"""The second page: attributions, and figures that tell whether they can be relied on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .curves import Chart, chart
from .environment import signed
from .pictures import Picture, RegionsPicture, Scale, map_picture, regions_picture, scale

if TYPE_CHECKING:
    from edge_explain.explanation import Explanation, Regions

NUMBERED = 6
SHORT = 16
"""Longest value of the provenance that shares a line with others, in letters."""


class RegionRow(NamedTuple):
    """A region's number or name, the percentage points that it adds, and its share of the scan."""

    name: str
    points: float
    share: float


class RegionsView(NamedTuple):
    """Shapley values of regions as a picture and a table."""

    scale: Scale
    picture: RegionsPicture
    rows: tuple[RegionRow, ...]
    empty: float
    full: float
    evaluations: int


class ShapMap(NamedTuple):
    """GradientShap of one member, and its gap in log-odds."""

    picture: Picture
    id: str
    gap: str


class ShapView(NamedTuple):
    """GradientShap of each member on one scale."""

    scale: Scale
    maps: tuple[ShapMap, ...]


def draw_regions(explanation: Explanation) -> RegionsView | None:
    """Draw the regions; None where they were left out."""
    regions = explanation.regions
    if regions is None:
        return None
    label, limit = explanation.label, max(0.01, float(np.abs(regions.values).max()))
    numbered = [int(region) for region in np.argsort(-np.abs(regions.values))[:NUMBERED]]
    alt = f"regions of the scan by what they add to the probability of {label}"
    return RegionsView(
        scale=scale(100 * limit, label, "percentage points", "+.2g"),
        picture=regions_picture(explanation.scan.pixels, regions, limit, numbered, alt),
        rows=_region_rows(regions, numbered),
        empty=regions.empty,
        full=regions.full,
        evaluations=regions.evaluations,
    )


def draw_shap(explanation: Explanation) -> ShapView | None:
    """Draw GradientShap of each member; None where it was left out."""
    if not explanation.shap:
        return None
    limit = max(float(np.percentile(np.abs(values), 99.5)) for values in explanation.shap.values()) or 1.0
    maps = []
    for member_id, values in explanation.shap.items():
        gap = explanation.completeness.get(member_id)
        drawn = map_picture(explanation.scan.pixels, values, limit, f"GradientShap of {member_id}", line=0)
        maps.append(ShapMap(drawn, member_id, "unknown" if gap is None else signed(gap, "+.2f")))
    return ShapView(scale(limit, explanation.label, "log-odds for each pixel", "+.2g"), tuple(maps))


def draw_curves(explanation: Explanation) -> tuple[Chart, ...]:
    """Lay out the insertion and the deletion curve."""
    label, trust = explanation.label, explanation.trust
    charts = []
    if trust.insertion is not None:
        axis = "share of the scan that is inserted"
        charts.append(chart(trust.insertion, label, "Insertion", axis, "The higher, the better the map."))
    if trust.deletion is not None:
        axis = "share of the scan that is deleted"
        charts.append(chart(trust.deletion, label, "Deletion", axis, "The lower, the better the map."))
    return tuple(charts)


def provenance_of(explanation: Explanation) -> dict[str, str]:
    """List hashes, versions and the command by name, the short ones together in one entry."""
    prediction = explanation.prediction
    everything = {
        "scan sha256": prediction.scan_sha256,
        "scan": "; ".join(prediction.steps),
        "bundle": prediction.source.bundle,
        "bundle sha256": prediction.source.bundle_sha256,
        "compiled": f"{prediction.source.precision} on {prediction.source.backend}",
        "originals": explanation.origin,
        "edge-run": prediction.source.version,
        **explanation.provenance,
    }
    entries = {name: value for name, value in everything.items() if len(value) > SHORT}
    entries["also"] = ", ".join(f"{name} {value}" for name, value in everything.items() if len(value) <= SHORT)
    return entries


def _region_rows(regions: Regions, numbered: list[int]) -> tuple[RegionRow, ...]:
    """List the numbered regions, and the sum of the others."""
    share = np.bincount(regions.segments.ravel(), minlength=len(regions.values)) / regions.segments.size
    rows = [
        RegionRow(str(number), 100 * float(regions.values[region]), float(share[region]))
        for number, region in enumerate(numbered, 1)
    ]
    others = np.delete(regions.values, numbered)
    if len(others):
        rest = 1 - float(share[numbered].sum())
        rows.append(RegionRow(f"{len(others)} others", 100 * float(others.sum()), rest))
    return tuple(rows)
