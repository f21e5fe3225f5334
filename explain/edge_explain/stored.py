"""An explanation as the cache keeps it: a record and arrays, without the scan and without the answer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

import msgspec

from .explanation import MapParity, Regions, Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Arrays = Mapping[str, NDArray[np.generic]]


class Made(NamedTuple):
    """The parts of an :class:`edge_explain.explanation.Explanation` that take long; each as there."""

    originals: Mapping[str, float]
    maps: Mapping[str, NDArray[np.float32]]
    ensemble_map: NDArray[np.float32]
    grad_cams: Mapping[str, NDArray[np.float32]]
    parity: Mapping[str, MapParity]
    shap: Mapping[str, NDArray[np.float32]]
    completeness: Mapping[str, float]
    regions: Regions | None
    trust: Trust


class _Sums(msgspec.Struct, frozen=True):
    """Regions without their arrays."""

    empty: float
    full: float
    gap: float
    evaluations: int


class _Record(msgspec.Struct, frozen=True):
    originals: dict[str, float]
    parity: dict[str, MapParity]
    completeness: dict[str, float]
    regions: _Sums | None
    trust: Trust


def pack(made: Made) -> tuple[bytes, Arrays]:
    """Split into a JSON record and arrays."""
    regions, sums = made.regions, None
    arrays: dict[str, NDArray[np.generic]] = {"ensemble_map": made.ensemble_map}
    for kind in ("maps", "grad_cams", "shap"):
        arrays |= {f"{kind}.{member_id}": array for member_id, array in getattr(made, kind).items()}
    if regions is not None:
        arrays |= {"regions.segments": regions.segments, "regions.values": regions.values}
        sums = _Sums(regions.empty, regions.full, regions.gap, regions.evaluations)
    record = _Record(dict(made.originals), dict(made.parity), dict(made.completeness), sums, made.trust)
    return msgspec.json.encode(record), arrays


def unpack(data: bytes, arrays: Arrays) -> Made:
    """Put together again.

    Raises
    ------
    ValueError, KeyError
        It is of another edge-run.
    """
    record = msgspec.json.decode(data, type=_Record)
    sums = record.regions
    regions = None
    if sums is not None:
        segments = cast("NDArray[np.int64]", arrays["regions.segments"])
        values = cast("NDArray[np.float64]", arrays["regions.values"])
        regions = Regions(segments, values, sums.empty, sums.full, sums.gap, sums.evaluations)
    return Made(
        record.originals,
        _of(arrays, "maps"),
        cast("NDArray[np.float32]", arrays["ensemble_map"]),
        _of(arrays, "grad_cams"),
        record.parity,
        _of(arrays, "shap"),
        record.completeness,
        regions,
        record.trust,
    )


def _of(arrays: Arrays, kind: str) -> dict[str, NDArray[np.float32]]:
    prefix = f"{kind}."
    return {
        name.removeprefix(prefix): cast("NDArray[np.float32]", array)
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
