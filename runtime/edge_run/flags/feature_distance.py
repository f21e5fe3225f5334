"""How far a scan's features lie from those of the training scans: the out-of-distribution measure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECTIONS = 2
"""Index of the first row of the statistics that holds a direction."""


class FeatureDistance:
    """Distance of pooled features from those of the training scans.

    Features are divided by their length, because an image of another kind shows in which features it activates rather
    than in how strongly. Each direction in which training scans vary most has its own variance, and all others share
    one (probabilistic PCA, Tipping and Bishop 1999). The distance is the Mahalanobis distance under that covariance,
    divided by the square root of the number of features: about 1 for a training scan.

    Parameters
    ----------
    statistics
        ``[2 + K, width] float16``. Row 0: the training scans' mean. Row 1: the standard deviation outside the
        directions, the same in every column. The others: one direction each, of unit length, divided by the standard
        deviation along it.

    Raises
    ------
    BundleError
        The statistics have another shape or type, are not finite, or hold a deviation or direction of zero.
    """

    def __init__(self, statistics: NDArray[np.float16]) -> None:
        shaped = statistics.ndim == 2 and len(statistics) >= DIRECTIONS and statistics.dtype == np.float16
        wide = statistics.astype(np.float64) if shaped else np.zeros((DIRECTIONS, 1))
        lengths = np.linalg.norm(wide[DIRECTIONS:], axis=1, keepdims=True)
        if not (shaped and np.isfinite(wide).all() and (wide[1] > 0).all() and (lengths > 0).all()):
            raise BundleError(
                "the feature statistics are damaged: wrong shape, type or values", hint="export the bundle again"
            )
        self.mean, self.rest = wide[0], float(wide[1].mean())
        self._scaled, self._units = wide[DIRECTIONS:], wide[DIRECTIONS:] / lengths

    def distance(self, pooled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Compute the distance ``[N] float64`` of pooled features ``[N, width] float32``.

        Raises
        ------
        BundleError
            The network has another number of features than the statistics, or features that are not finite.
        """
        if pooled.shape[1] != len(self.mean):
            raise BundleError(
                f"the network returns {pooled.shape[1]} features, the statistics have {len(self.mean)}",
                hint="export the bundle again",
            )
        # The distance would be NaN, which is above no threshold: the scan would get no flag.
        if not np.isfinite(pooled).all():
            raise BundleError("the network's features are not finite", hint="do not use this bundle; export it again")
        off = unit(pooled) - self.mean
        outside = np.maximum(np.square(off).sum(axis=1) - np.square(off @ self._units.T).sum(axis=1), 0.0)
        inside = np.square(off @ self._scaled.T).sum(axis=1)
        return np.asarray(np.sqrt((inside + outside / self.rest**2) / len(self.mean)), dtype=np.float64)


def pool(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average features ``[N, width, h, w]`` over the map, as the network's last layer does: ``[N, width] float32``."""
    return np.asarray(features.mean(axis=(2, 3)), dtype=np.float32)


def unit(pooled: NDArray[np.float32]) -> NDArray[np.float64]:
    """Divide each row of ``[N, width]`` by its length, ``float64``; a row of zeros stays zero."""
    wide = pooled.astype(np.float64)
    lengths = np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(wide / lengths, dtype=np.float64)
