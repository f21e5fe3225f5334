"""Summarise the samples of a variant.

Quantiles interpolate linearly between order statistics (type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
Packages", The American Statistician 50(4), 1996).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .record import Trial

UNSTEADY_OVER = 0.1
"""Differences between backends that matter are larger than a tenth, and a quiet machine stays well below."""


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of the values lies."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def spread(medians: Sequence[float]) -> float:
    """Return the interquartile range as a share of the median."""
    middle = quantile(medians, 0.5)
    return (quantile(medians, 0.75) - quantile(medians, 0.25)) / middle if middle else 0.0


def summarise(trials: Sequence[Trial], unsteady_over: float = UNSTEADY_OVER) -> Summary:
    """Summarise at least one trial of a variant: quantiles over all warm answers, medians over trials."""
    warm = [ms for trial in trials for ms in trial.warm_ms]
    medians = tuple(quantile(trial.warm_ms, 0.5) for trial in trials)
    cold = [trial.cold_ms for trial in trials if trial.cold_ms is not None]
    peaks = [trial.peak_bytes for trial in trials if trial.peak_bytes is not None]
    apart = spread(medians)
    return Summary(
        samples=len(warm),
        **{f"p{p}_ms": quantile(warm, p / 100) for p in (50, 90, 95, 99)},
        per_second=1e3 * len(warm) / sum(warm),
        trial_medians_ms=medians,
        spread=apart,
        unsteady=apart > unsteady_over,
        load_ms=quantile([trial.load_ms for trial in trials], 0.5),
        first_ms=quantile([trial.first_ms for trial in trials], 0.5),
        cold_ms=quantile(cold, 0.5) if cold else None,
        peak_bytes=max(peaks, default=None),
        members_run=sum(trial.members_run * len(trial.warm_ms) for trial in trials) / len(warm),
        energy_j=_energy(trials, len(warm)),
    )


def _energy(trials: Sequence[Trial], answers: int) -> dict[str, float]:
    """Return the joules of one answer, by each meter that every trial has."""
    meters = [name for name in trials[0].energy_j if all(name in trial.energy_j for trial in trials)]
    return {name: sum(trial.energy_j[name] for trial in trials) / answers for name in meters}
