"""What the validation scans looked like, for the bedside to compare its own with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.bundle.manifest import Histogram, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

BINS = 20


def profile(
    measures: Mapping[str, NDArray[np.float64]],
    flags: Mapping[str, NDArray[np.bool_]],
    decided: NDArray[np.int64],
    labels: Sequence[str],
) -> Profile:
    """Count measures, flags and labels.

    Parameters
    ----------
    measures
        ``[N]`` each, by name.
    flags
        ``[N]`` each, by name: which scans it marked.
    decided
        ``[N]``: positions in ``labels``.
    """
    return Profile(
        len(decided),
        {name: histogram(values, edges_of(name, values)) for name, values in measures.items()},
        {name: int(marked.sum()) for name, marked in flags.items()},
        {label: int((decided == index).sum()) for index, label in enumerate(labels)},
    )


def edges_of(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges of the bins; of distances some lie beyond all validation scans, for what drifts there."""
    if name == "score":
        edges = np.linspace(0.0, 1.0, BINS + 1)
    elif name == "confidence":
        edges = np.linspace(0.0, 1.0, 2 * BINS + 1)
    elif name == "disagreement":
        # Most scans are agreed upon to a hundredth of a bit, and a few not at all.
        edges = np.concatenate([[0.0], np.geomspace(1e-4, 1.0, BINS)])
    else:
        low, high = float(values.min()), float(values.max())
        spread = max(high - low, 0.01)
        beyond = high + spread * np.array([0.25, 0.5, 1.0, 2.0])
        edges = np.concatenate([np.linspace(max(low - spread / 4, 0.0), high, BINS - 3), beyond])
    return np.asarray(edges.round(6), dtype=np.float64)


def histogram(values: NDArray[np.float64], edges: NDArray[np.float64]) -> Histogram:
    """Count values; what lies outside is counted in the first and last bin."""
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return Histogram(tuple(map(float, edges)), tuple(map(int, counts)))
