"""Read manifests of schema 1, as bundles before edge-run 0.2 have them."""

from __future__ import annotations

from typing import Any


def upgrade(manifest: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest of schema 1 as one of schema 2.

    Schema 2 gives each member an ``id`` apart from its network (in schema 1 the network's name was the id), and calls
    the threshold on the features ``feature_distance``. What does not have the shape of schema 1 is returned as it is:
    the check against the schema reports it.
    """
    upgraded = manifest | {"schema_version": 2}
    members = manifest.get("members")
    if isinstance(members, list):
        upgraded["members"] = [_member(member) for member in members]
    flags = manifest.get("flags")
    if isinstance(flags, dict):
        upgraded["flags"] = {precision: _renamed(thresholds) for precision, thresholds in flags.items()}
    return upgraded


def _member(member: object) -> object:
    if isinstance(member, dict) and "arch" in member:
        return {"id": member["arch"]} | member
    return member


def _renamed(thresholds: object) -> object:
    if not isinstance(thresholds, dict):
        return thresholds
    return {"feature_distance" if name == "familiarity" else name: value for name, value in thresholds.items()}
