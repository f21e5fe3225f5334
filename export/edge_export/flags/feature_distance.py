"""The features of the training scans at a compiled network, and their mean picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_export.graphs.simulate import BATCH
from edge_run.flags.feature_distance import unit
from edge_run.flags.quality import standardised
from edge_run.scan.preprocessing import PreprocessSpec, preprocess
from edge_train.data.decode import read_each

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from edge_export.graphs.simulate import Simulation

DIRECTIONS = 16
"""Of 8 to 64, this many separated drawn photographs, knees, noise and X-rays from validation scans best; see
``docs/decisions.md``."""

_LEAST = 1e-3
"""A float16 of this size and its inverse are both exact enough."""


class TrainingFeatures(NamedTuple):
    """The training scans.

    Attributes
    ----------
    typical
        Their mean, ``[32, 32] uint8``.
    pooled
        Their features ``[N, width]``, by precision.
    """

    typical: NDArray[np.uint8]
    pooled: dict[str, NDArray[np.float32]]


def extract_training_features(
    paths: Sequence[Path],
    spec: PreprocessSpec,
    networks: Mapping[str, Simulation],
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> TrainingFeatures:
    """Run one member at each precision on the training scans, a few at a time.

    Parameters
    ----------
    progress
        Called with (scans done, scans in all).
    """
    total = np.zeros((32, 32))
    pooled: dict[str, list[NDArray[np.float32]]] = {precision: [] for precision in networks}
    done = 0
    for batch in _batches(paths, spec):
        total += sum(standardised(scan) for scan in batch[:, 0])
        for precision, network in networks.items():
            pooled[precision].append(network.pooled(batch))
        done += len(batch)
        progress(done, len(paths))
    low, high = float(total.min()), float(total.max())
    typical = np.round((total - low) / max(high - low, 1e-9) * 255).astype(np.uint8)
    return TrainingFeatures(typical, {precision: np.concatenate(found) for precision, found in pooled.items()})


def fit_statistics(pooled: NDArray[np.float32], *, directions: int = DIRECTIONS) -> NDArray[np.float16]:
    """Mean, directions and deviations, as :class:`edge_run.flags.FeatureDistance` takes them.

    Parameters
    ----------
    pooled
        ``[N, width]``, N at least 2.
    directions
        At most; fewer where scans or features are few.
    """
    rows = unit(pooled)
    mean = rows.mean(axis=0)
    _, singular, axes = np.linalg.svd(rows - mean, full_matrices=False)
    variances = np.square(singular) / (len(rows) - 1)
    kept = min(directions, (len(rows) - 1) // 2, rows.shape[1] // 2)
    deviation = np.sqrt(np.maximum(variances, _LEAST**2))
    rest = max(float(np.sqrt(variances[kept:].sum() / (rows.shape[1] - kept))), _LEAST)
    scaled = axes[:kept] / deviation[:kept, np.newaxis]
    return np.concatenate([mean[np.newaxis], np.full((1, rows.shape[1]), rest), scaled]).astype(np.float16)


def _batches(paths: Sequence[Path], spec: PreprocessSpec) -> Iterator[NDArray[np.uint8]]:
    """Network inputs ``[n, 1, size, size]``, read when they are needed."""
    waiting: list[NDArray[np.uint8]] = []
    for position, scan in read_each(paths):
        waiting.append(preprocess(scan.pixels, spec))
        if len(waiting) == BATCH or position == len(paths) - 1:
            yield np.concatenate(waiting)
            waiting = []
