"""``edge-run bundles``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import BundleError

from . import _options
from .output import Format, Record, Sink, say

if TYPE_CHECKING:
    from pathlib import Path

    from .output import Style


def bundles(as_json: _options.Json = False) -> None:
    """List the bundles that are installed and can be given by name."""
    from edge_run.bundle.installed import installed_bundles

    found = installed_bundles()
    with Sink(Format.JSON if as_json else Format.TEXT, _to_text) as sink:
        for bundle in found:
            sink.write(
                {"name": bundle.name, "path": str(bundle.path), "package": bundle.package, **_summary(bundle.path)}
            )
    if not as_json:
        say("edge-run info NAME says more about one" if found else "no bundle is installed; give one by its path")


def _summary(path: Path) -> Record:
    from edge_run.bundle.bundle import Bundle

    try:
        opened = Bundle(path)
    except BundleError as error:
        return {"error": error.to_dict()}
    manifest = opened.manifest
    return {
        "modality": manifest.task.modality,
        "labels": list(manifest.task.labels),
        "precisions": list(manifest.precisions),
        "summary": manifest.card.summary,
        "parent_sha256": opened.parent,
    }


def _to_text(record: Record, style: Style) -> str:
    source = f"   from {record['package']}" if record["package"] else ""
    if "error" in record:
        return f"{style.bold(record['name'])}{source}\n  {style.error('error:')} {record['error']['message']}"
    head = f"{style.bold(record['name'])}   {record['modality']}: {', '.join(record['labels'])}   "
    parent = f"   recalibrated from {record['parent_sha256'][:12]}" if record["parent_sha256"] else ""
    return "\n".join(
        [head + ", ".join(record["precisions"]) + parent + source, *style.wrapped(f"  {record['summary']}", "  ")]
    )
