"""The parts of an explanation as a JSON record and arrays, which the cache keeps. The scan is not among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from .explanation import ExplanationParts, MapParity, Regions, Trust

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[np.generic]"]

_KINDS = ("maps", "grad_cams", "shap")


class _RegionFigures(msgspec.Struct, frozen=True):
    """Regions without their arrays."""

    empty: float
    full: float
    gap: float
    evaluations: int


class _Record(msgspec.Struct, frozen=True):
    """Parts without their arrays."""

    originals: dict[str, float]
    parity: dict[str, MapParity]
    completeness: dict[str, float]
    regions: _RegionFigures | None
    trust: Trust


def pack(parts: ExplanationParts) -> tuple[bytes, Arrays]:
    """Split parts into a JSON record and arrays by name."""
    regions, figures = parts.regions, None
    arrays: dict[str, NDArray[np.generic]] = {"ensemble_map": parts.ensemble_map}
    for kind in _KINDS:
        arrays |= {f"{kind}.{member_id}": array for member_id, array in getattr(parts, kind).items()}
    if regions is not None:
        arrays |= {"regions.segments": regions.segments, "regions.values": regions.values}
        figures = _RegionFigures(regions.empty, regions.full, regions.gap, regions.evaluations)
    record = _Record(dict(parts.originals), dict(parts.parity), dict(parts.completeness), figures, parts.trust)
    return msgspec.json.encode(record), arrays


def unpack(data: bytes, arrays: Arrays) -> ExplanationParts:
    """Join what :func:`pack` split.

    Raises
    ------
    ValueError, KeyError
        Another version of edge-run wrote the record.
    """
    record = msgspec.json.decode(data, type=_Record)
    figures = record.regions
    regions = None
    if figures is not None:
        segments = cast("NDArray[np.int64]", arrays["regions.segments"])
        values = cast("NDArray[np.float64]", arrays["regions.values"])
        regions = Regions(segments, values, figures.empty, figures.full, figures.gap, figures.evaluations)
    by_member: dict[str, Any] = {kind: _arrays_of(arrays, kind) for kind in _KINDS}
    return ExplanationParts(
        originals=record.originals,
        ensemble_map=cast("NDArray[np.float32]", arrays["ensemble_map"]),
        parity=record.parity,
        completeness=record.completeness,
        regions=regions,
        trust=record.trust,
        **by_member,
    )


def _arrays_of(arrays: Arrays, kind: str) -> dict[str, NDArray[np.float32]]:
    prefix = f"{kind}."
    return {
        name.removeprefix(prefix): cast("NDArray[np.float32]", array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
