"""Read manifests of schema 1, as bundles before edge-run 0.2 have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .flags import RENAMED

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = {"familiarity": "feature_distance"}


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
        upgraded["flags"] = {precision: _renamed(thresholds, _FIELDS) for precision, thresholds in flags.items()}
    profile = manifest.get("profile")
    if isinstance(profile, dict):
        upgraded["profile"] = {precision: _profile(one) for precision, one in profile.items()}
    return upgraded


def _member(member: object) -> object:
    if isinstance(member, dict) and "arch" in member:
        return {"id": member["arch"]} | member
    return member


def _profile(profile: object) -> object:
    if isinstance(profile, dict) and "flags" in profile:
        return profile | {"flags": _renamed(profile["flags"], RENAMED)}
    return profile


def _renamed(record: object, names: Mapping[str, str]) -> object:
    return {names.get(name, name): value for name, value in record.items()} if isinstance(record, dict) else record
