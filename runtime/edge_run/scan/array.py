"""Arrays, and what turns into one (a PIL image) -> Scan."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from edge_run.errors import InputError
from edge_run.scan.grey import to_grey, to_uint8, upright
from edge_run.scan.scan import Scan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.scan.grey import Pixels
    from edge_run.scan.scan import Limits

    class Picture(Protocol):
        """An array, or what turns into one: a PIL image."""

        def __array__(self) -> NDArray[Any]: ...


# What each of Pillow's modes has to become for its numbers to be grey or RGB; the others are so already.
_MODES = {"1": "L", "P": "RGB", "PA": "RGB", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "CMYK": "RGB"}
_MODES |= {"YCbCr": "RGB", "LAB": "RGB", "HSV": "RGB"}
_EXIF_ORIENTATION = 0x0112


def from_array(pixels: NDArray[np.generic]) -> Scan:
    """Take an array as one grey scan, with the same conversions as a file.

    Parameters
    ----------
    pixels
        ``[H, W]``, ``[H, W, 3]`` (RGB) or ``[H, W, 4]`` (RGBA), ``uint8`` or ``uint16``. It is copied.

    Raises
    ------
    InputError
        Any other shape or dtype (floats, and with them NaN, have no fixed grey scale), or no pixels.
    """
    if pixels.dtype.kind != "u" or pixels.dtype.itemsize > 2:
        raise InputError(
            f"an array of {pixels.dtype} has no fixed grey scale, expected uint8 or uint16.",
            hint="Apply a window and convert to uint8, or shift to unsigned and convert to uint16.",
        )
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise InputError(
            f"an array of shape {list(pixels.shape)} is no image, expected [H, W], [H, W, 3] or [H, W, 4].",
            hint="Give one slice at a time, channels last.",
        )
    if pixels.size == 0:
        raise InputError(f"an array of shape {list(pixels.shape)} has no pixels.", hint="Give one with pixels.")
    wide = pixels.dtype.itemsize == 2
    own: Pixels = pixels.astype(np.uint16) if wide else pixels.astype(np.uint8)
    steps = [f"taken from an array {own.dtype} {own.shape[1]}x{own.shape[0]}"]
    if own.shape[2:] == (4,):
        steps.append("alpha dropped")
    bgr_or_grey = own if own.ndim == 2 else np.ascontiguousarray(own[:, :, 2::-1])
    digest = hashlib.sha256(own.tobytes()).hexdigest()
    grey = to_uint8(to_grey(bgr_or_grey, steps), steps)
    return Scan(grey, digest, tuple(steps))


def from_picture(picture: Picture, limits: Limits) -> Scan:
    """Take an object with ``__array__`` as one grey scan: an array, or a PIL image in any of its modes.

    A PIL image is turned upright by its EXIF orientation, as a file is.

    Raises
    ------
    InputError
        As :func:`from_array`; it has more pixels than the limits allow; or it cannot become an array.
    """
    if isinstance(picture, np.ndarray):
        return from_array(picture)
    try:
        if hasattr(picture, "mode") and hasattr(picture, "convert"):
            return from_array(_of_pillow(picture, limits))
        return from_array(np.asarray(picture))
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # A lazily loaded picture raises whatever its decoder does.
        raise InputError(
            f"the picture cannot become an array: {error}.", hint="Pass the path or the bytes of its file instead."
        ) from error


def _of_pillow(picture: Any, limits: Limits) -> NDArray[np.generic]:  # noqa: ANN401 - Pillow is never imported
    """Pixels of a PIL image as grey or RGB, upright and without alpha."""
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise InputError(
            f"the picture is {width}x{height} pixels, over the limit of {limits.max_pixels} pixels.",
            hint="Give the scan at the size it was acquired at.",
        )
    turned = int(picture.getexif().get(_EXIF_ORIENTATION, 1)) if hasattr(picture, "getexif") else 1
    mode = _MODES.get(picture.mode, picture.mode)
    pixels = np.asarray(picture if mode == picture.mode else picture.convert(mode))
    if mode == "LA":
        pixels = pixels[:, :, 0]
    # Pillow opens 16-bit grey PNG files as 32-bit integers in some versions.
    if pixels.dtype == np.int32 and pixels.size and pixels.min() >= 0 and pixels.max() < 2**16:
        pixels = pixels.astype(np.uint16)
    return upright(pixels, turned) if 1 < turned <= 8 else pixels
