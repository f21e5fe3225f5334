"""What the samples of a variant come to.

Quantiles interpolate linearly between order statistics (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
Packages", The American Statistician 50(4), 1996).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record import Block

UNSTEADY_OVER = 0.1
"""A tenth: differences between backends that matter are larger, and a quiet machine stays well below."""


def quantile(values: Sequence[float], share: float) -> float:
    """Value below which a share of the values lies."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread(medians: Sequence[float]) -> float:
    """Interquartile range as a share of the median."""
    middle = quantile(medians, 0.5)
    return (quantile(medians, 0.75) - quantile(medians, 0.25)) / middle if middle else 0.0


def summarise(blocks: Sequence[Block], unsteady_over: float = UNSTEADY_OVER) -> Summary:
    """Sum up the blocks of one variant, at least one: quantiles over all warm answers, medians over blocks."""
    warm = [ms for block in blocks for ms in block.warm_ms]
    medians = tuple(quantile(block.warm_ms, 0.5) for block in blocks)
    cold = [block.cold_ms for block in blocks if block.cold_ms is not None]
    peaks = [block.peak_bytes for block in blocks if block.peak_bytes is not None]
    apart = spread(medians)
    return Summary(
        samples=len(warm),
        **{f"p{p}_ms": quantile(warm, p / 100) for p in (50, 90, 95, 99)},
        per_second=1e3 * len(warm) / sum(warm),
        block_medians_ms=medians,
        spread=apart,
        unsteady=apart > unsteady_over,
        load_ms=quantile([block.load_ms for block in blocks], 0.5),
        first_ms=quantile([block.first_ms for block in blocks], 0.5),
        cold_ms=quantile(cold, 0.5) if cold else None,
        peak_bytes=max(peaks, default=None),
        asked=sum(block.asked * len(block.warm_ms) for block in blocks) / len(warm),
        energy_j=_energy(blocks, len(warm)),
    )


def _energy(blocks: Sequence[Block], answers: int) -> dict[str, float]:
    """Joules of one answer, by each meter that every block has."""
    meters = [name for name in blocks[0].energy_j if all(name in block.energy_j for block in blocks)]
    return {name: sum(block.energy_j[name] for block in blocks) / answers for name in meters}
