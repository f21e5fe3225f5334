"""Tell a scan whose light and dark are exchanged, or that is turned, from one as the training scans were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge_run.errors import BundleError
from edge_run.voting.prediction import Flag

from .quality import quality_flags, standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 16
"""Side of the thumbnail that is judged, pixels."""

WRONGS = {
    "inverted": "light and dark look exchanged",
    "turned": "the image looks turned or upside down",
}
"""Flags in the order of the models' rows, and their words. Mirroring left and right is not among them: a chest is too
symmetric for a thumbnail to show it."""


class Orientation:
    """Two logistic models on a thumbnail of 16x16 pixels.

    Parameters
    ----------
    models
        ``[2, 257] float32``: a row for each of `WRONGS`, weights of the thumbnail's pixels and then the intercept.

    Raises
    ------
    BundleError
        The models have another shape or type, or are not finite.
    """

    def __init__(self, models: NDArray[np.float32]) -> None:
        if models.shape != (len(WRONGS), SIDE**2 + 1) or models.dtype != np.float32 or not np.isfinite(models).all():
            raise BundleError(
                "the models of orientation are damaged: wrong shape, type or values", hint="export the bundle again"
            )
        self._models = models.astype(np.float64)

    def score_rows(self, thumbnails: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the log odds ``[N, 2]`` that scans are inverted, and turned, from their thumbnails ``[N, 256]``.

        The odds are those of a world in which half of the scans are wrong.
        """
        return np.asarray(thumbnails @ self._models[:, :-1].T + self._models[:, -1], dtype=np.float64)

    def wrong(self, thumbnail: NDArray[np.float64]) -> tuple[bool, bool]:
        """Tell whether a scan is more likely inverted than not, and turned than not, from its thumbnail ``[256]``.

        The turn of an inverted scan is judged with light and dark exchanged back.
        """
        inverted = bool(self.score_rows(thumbnail[None])[0, 0] > 0)
        upright = -thumbnail if inverted else thumbnail
        return inverted, bool(self.score_rows(upright[None])[0, 1] > 0)

    def flags(self, pixels: NDArray[np.uint8]) -> tuple[Flag, ...]:
        """Flag a scan ``[H, W] uint8`` that is more likely wrong than right."""
        wrong = self.wrong(standardised(pixels, SIDE).ravel())
        return tuple(Flag(name, words) for (name, words), yes in zip(WRONGS.items(), wrong, strict=True) if yes)


def image_flags(
    pixels: NDArray[np.uint8], orientation: Orientation | None, typical: NDArray[np.float64] | None
) -> tuple[Flag, ...]:
    """Find every flag that needs no network.

    Parameters
    ----------
    pixels
        The scan as it was read, ``[H, W] uint8``.
    orientation
        None: the bundle has no such check, and an inverted scan is told by ``typical``.
    typical
        See :func:`edge_run.flags.quality_flags`.
    """
    if orientation is None:
        return quality_flags(pixels, typical)
    flags = quality_flags(pixels)
    # A blank image has no orientation.
    return flags if "blank" in {flag.name for flag in flags} else (*flags, *orientation.flags(pixels))
