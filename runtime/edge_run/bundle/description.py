"""What a bundle says of itself, as the record that ``edge-run info --json`` and the HTTP interface give out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from .bundle import Bundle


def describe(bundle: Bundle) -> dict[str, Any]:
    """Return what a bundle's manifest says to whoever wants to use it; no network is read."""
    manifest = bundle.manifest
    evaluation = {precision: msgspec.to_builtins(manifest.evaluation[precision]) for precision in manifest.evaluation}
    return {
        "name": manifest.name,
        "sha256": bundle.sha256,
        "schema_version": manifest.schema_version,
        "modality": manifest.task.modality,
        "labels": list(manifest.task.labels),
        "positive": manifest.task.positive,
        "operating_point": manifest.task.threshold,
        "size": manifest.preprocess.size,
        "members": [
            {
                "id": member.id,
                "arch": member.arch,
                "weight": member.weight,
                "macs": member.macs,
                "bytes": {precision: one.file.bytes for precision, one in member.artefacts.items() if one.file},
            }
            for member in manifest.members
        ],
        "stages": [list(stage) for stage in manifest.stages],
        "precisions": list(manifest.precisions),
        "evaluation": evaluation,
        **msgspec.to_builtins(manifest.card),
        "created": manifest.provenance.created,
        "recalibration": msgspec.to_builtins(manifest.recalibration),
    }
