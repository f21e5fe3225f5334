"""Whether a scan looks to a network like those it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

DIRECTIONS = 2
"""Row of the statistics from which on directions stand."""


class Familiar:
    """Distance of pooled features from those of the training scans.

    Features are divided by their length: what tells an image of another kind is which features answer to it, not how
    strongly. The directions in which training scans vary most have each their own variance, all others share one
    (probabilistic PCA, Tipping and Bishop 1999), and the distance is Mahalanobis' under that covariance, divided by the
    square root of the number of features: about 1 for a training scan.

    Parameters
    ----------
    statistics
        ``[2 + K, width] float16``. Row 0: the training scans' mean. Row 1: the standard deviation outside the
        directions, the same in every column. The others: one direction each, of unit length, divided by the standard
        deviation along it.

    Raises
    ------
    BundleError
        The statistics are of another kind, not finite, or divide by nothing.
    """

    def __init__(self, statistics: NDArray[np.float16]) -> None:
        shaped = statistics.ndim == 2 and len(statistics) >= DIRECTIONS and statistics.dtype == np.float16
        wide = statistics.astype(np.float64) if shaped else np.zeros((DIRECTIONS, 1))
        lengths = np.linalg.norm(wide[DIRECTIONS:], axis=1, keepdims=True)
        if not (shaped and np.isfinite(wide).all() and (wide[1] > 0).all() and (lengths > 0).all()):
            raise BundleError("the feature statistics are not what a bundle holds", hint="export the bundle again")
        self.mean, self.rest = wide[0], float(wide[1].mean())
        self._scaled, self._units = wide[DIRECTIONS:], wide[DIRECTIONS:] / lengths

    def distance(self, pooled: NDArray[np.float32]) -> NDArray[np.float64]:
        """Distance ``[N]`` of pooled features ``[N, width]``.

        Raises
        ------
        BundleError
            The network has another number of features than the statistics.
        """
        if pooled.shape[1] != len(self.mean):
            raise BundleError(
                f"the network answers with {pooled.shape[1]} features, the statistics are of {len(self.mean)}",
                hint="export the bundle again",
            )
        off = unit(pooled) - self.mean
        outside = np.maximum(np.square(off).sum(axis=1) - np.square(off @ self._units.T).sum(axis=1), 0.0)
        inside = np.square(off @ self._scaled.T).sum(axis=1)
        return np.asarray(np.sqrt((inside + outside / self.rest**2) / len(self.mean)), dtype=np.float64)


def pool(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average ``[N, width, h, w]`` over the map: what the network's last layer sees, ``[N, width]``."""
    return np.asarray(features.mean(axis=(2, 3)), dtype=np.float32)


def unit(pooled: NDArray[np.float32]) -> NDArray[np.float64]:
    """Divide each row of ``[N, width]`` by its length; a row of zeros stays."""
    wide = pooled.astype(np.float64)
    lengths = np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), np.finfo(np.float32).tiny)
    return np.asarray(wide / lengths, dtype=np.float64)
