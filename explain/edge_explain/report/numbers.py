"""Write an explanation as ``report.json``: every number of the page, and no image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .environment import printable
from .summary import title_of

if TYPE_CHECKING:
    from datetime import datetime

    from edge_explain.explanation import Explanation, Regions
    from edge_run.bundle.manifest import Manifest

SCHEMA_VERSION = 2


def numbers(explanation: Explanation, manifest: Manifest, created: datetime) -> bytes:
    """Write an explanation as JSON; NaN and infinity (an undefined correlation) become null."""
    height, width = explanation.scan.pixels.shape
    title = printable(title_of(explanation))
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "title": title,
        "case_id": explanation.case_id,
        "created": created.isoformat(timespec="seconds"),
        "label": explanation.label,
        "scan": {"width": width, "height": height, "sha256": explanation.scan.sha256},
        "prediction": {**msgspec.to_builtins(explanation.prediction), "path": title},
        "originals": dict(explanation.originals),
        "origin": explanation.origin,
        "ensemble_map": explanation.ensemble_map.tolist(),
        "maps": {member_id: values.tolist() for member_id, values in explanation.maps.items()},
        "grad_cams": {member_id: values.tolist() for member_id, values in explanation.grad_cams.items()},
        "parity": dict(explanation.parity),
        "shap": {
            member_id: {"sum": float(values.sum()), "completeness": explanation.completeness.get(member_id)}
            for member_id, values in explanation.shap.items()
        },
        "regions": _regions(explanation.regions) if explanation.regions is not None else None,
        "trust": explanation.trust,
        "provenance": {printable(name): printable(value) for name, value in explanation.provenance.items()},
        "card": manifest.card,
    }
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def _regions(regions: Regions) -> dict[str, Any]:
    size = regions.segments.shape[0]
    y, x = np.indices(regions.segments.shape)
    area = np.bincount(regions.segments.ravel(), minlength=len(regions.values))
    centres = [
        [float(np.bincount(regions.segments.ravel(), axis.ravel())[region] / area[region] / size) for axis in (x, y)]
        for region in range(len(regions.values))
    ]
    return {
        "values": regions.values.tolist(),
        "share_of_scan": (area / regions.segments.size).tolist(),
        "centres": centres,
        "empty": regions.empty,
        "full": regions.full,
        "gap": regions.gap,
        "evaluations": regions.evaluations,
    }
