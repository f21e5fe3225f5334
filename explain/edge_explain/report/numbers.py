"""An explanation -> ``report.json``: every number of the page, and no image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from .html import printable
from .page import name_of

if TYPE_CHECKING:
    from edge_explain.explanation import Explanation, Regions
    from edge_run.bundle.manifest import Manifest

SCHEMA_VERSION = 1


def numbers(explanation: Explanation, manifest: Manifest) -> bytes:
    """Write it as JSON; what is not a number (an undefined correlation) becomes null."""
    height, width = explanation.scan.pixels.shape
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": name_of(explanation),
        "label": explanation.label,
        "scan": {"width": width, "height": height, "sha256": explanation.scan.sha256},
        "prediction": {**msgspec.to_builtins(explanation.prediction), "path": name_of(explanation)},
        "originals": dict(explanation.originals),
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


def _regions(found: Regions) -> dict[str, Any]:
    size = found.segments.shape[0]
    y, x = np.indices(found.segments.shape)
    area = np.bincount(found.segments.ravel(), minlength=len(found.values))
    centres = [
        [float(np.bincount(found.segments.ravel(), axis.ravel())[region] / area[region] / size) for axis in (x, y)]
        for region in range(len(found.values))
    ]
    return {
        "values": found.values.tolist(),
        "share_of_scan": (area / found.segments.size).tolist(),
        "centres": centres,
        "empty": found.empty,
        "full": found.full,
        "gap": found.gap,
        "evaluations": found.evaluations,
    }
