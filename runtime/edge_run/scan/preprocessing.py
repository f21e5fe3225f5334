"""Scan -> network input: the one function that training, calibration and the bedside share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# OpenCV's names. It is loaded by the function, because a manifest, which holds a spec, is read before it is needed.
_INTERPOLATIONS = ("INTER_AREA", "INTER_CUBIC", "INTER_LINEAR")


class PreprocessSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a grey scan becomes a network input.

    Attributes
    ----------
    size
        Height and width of the input, pixels. The scan is squeezed to a square: aspect is not kept.
    shrink
        OpenCV interpolation when both sides shrink. Area averaging stays within a grey level of a properly
        antialiased resize, where bilinear is off by up to 24 (measured on 1024 -> 224).
    enlarge
        OpenCV interpolation when a side grows.
    """

    size: int = 224
    shrink: str = "INTER_AREA"
    enlarge: str = "INTER_LINEAR"

    def __post_init__(self) -> None:
        if not 32 <= self.size <= 1024:
            raise ValueError(f"size is {self.size}, expected 32 to 1024")
        for field in (self.shrink, self.enlarge):
            if field not in _INTERPOLATIONS:
                raise ValueError(f"interpolation {field!r} is unknown, expected one of {_INTERPOLATIONS}")


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
    interpolation: int = getattr(cv2, spec.shrink if shrinks else spec.enlarge)
    resized = cv2.resize(pixels, (spec.size, spec.size), interpolation=interpolation)
    return np.ascontiguousarray(resized, dtype=np.uint8)[np.newaxis, np.newaxis]
