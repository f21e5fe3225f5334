"""Scan -> network input: the one function that training, calibration and the bedside share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# OpenCV's names, but for AREA_EXACT. OpenCV is loaded by the function, because a manifest, which holds a spec, is read
# before it is needed.
AREA_EXACT = "AREA_EXACT"
_ENLARGE = ("INTER_AREA", "INTER_CUBIC", "INTER_LINEAR", "INTER_LINEAR_EXACT")
_SHRINK = (*_ENLARGE, AREA_EXACT)


class PreprocessSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a grey scan becomes a network input.

    Attributes
    ----------
    size
        Height and width of the input, pixels. The scan is squeezed to a square: aspect is not kept.
    shrink
        Interpolation when both sides shrink. Area averaging stays within a grey level of a properly antialiased resize,
        where bilinear is off by up to 24 (measured on 1024 -> 224). ``AREA_EXACT`` has the same result on every
        processor (see :mod:`edge_run.scan.resize`); OpenCV's ``INTER_AREA`` differs by up to one grey level.
    enlarge
        OpenCV interpolation when a side grows. ``INTER_LINEAR_EXACT`` has the same result on every processor.
    """

    size: int = 224
    shrink: str = "INTER_AREA"
    enlarge: str = "INTER_LINEAR"

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise ValueError(f"size is {self.size}, expected 32 to 1024")
        for field, known in ((self.shrink, _SHRINK), (self.enlarge, _ENLARGE)):
            if field not in known:
                raise ValueError(f"interpolation {field!r} is unknown, expected one of {known}")

    def exact(self) -> PreprocessSpec:
        """Return the specification of the same size with the same result on every processor."""
        return PreprocessSpec(self.size, AREA_EXACT, "INTER_LINEAR_EXACT")


def preprocess(pixels: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Resize a grey scan to the network's input.

    Normalisation is inside the compiled graph, so nothing else is left for a caller to get wrong.

    Parameters
    ----------
    pixels
        ``[H, W] uint8`` grey.
    spec
        Target size and interpolation.

    Returns
    -------
    ``[1, 1, size, size] uint8``, C-contiguous.
    """
    import cv2
    import numpy as np

    if pixels.ndim != 2 or pixels.dtype != np.uint8:
        raise ValueError(f"expected [H, W] uint8, got {list(pixels.shape)} {pixels.dtype}")
    height, width = pixels.shape
    shrinks = height >= spec.size and width >= spec.size
    if shrinks and spec.shrink == AREA_EXACT:
        from .resize import shrink_exactly

        return shrink_exactly(pixels, spec.size)[np.newaxis, np.newaxis]
    interpolation: int = getattr(cv2, spec.shrink if shrinks else spec.enlarge)
    resized = cv2.resize(pixels, (spec.size, spec.size), interpolation=interpolation)
    return np.ascontiguousarray(resized, dtype=np.uint8)[np.newaxis, np.newaxis]
