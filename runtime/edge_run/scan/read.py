"""Encoded image or array -> Scan: the only way pixels enter edge-run.

A file is untrusted. Its size is bounded before it is read, its width and height before it is decoded, and one
that is cut is refused rather than answered from the part that is there.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run._files.read import load, too_large
from edge_run.errors import InputError
from edge_run.scan.dicom import sniff as dicom
from edge_run.scan.formats import FormatError, require_whole, sniff
from edge_run.scan.grey import to_grey, to_uint8, upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.scan.dicom.series import Series
    from edge_run.scan.formats import Header
    from edge_run.scan.grey import Pixels

MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64 * 2**20

# Depth is kept and alpha dropped; orientation is applied here, so that every OpenCV does it the same way.
_DECODE = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


@dataclass(frozen=True, eq=False)
class Scan:
    """A grey image and how it came to be.

    Attributes
    ----------
    pixels
        ``[H, W] uint8`` grey.
    sha256
        Of the encoded bytes as they were read, or of an array's bytes.
    steps
        What was done, in order, for a person to read.
    series
        Its place in the series it belongs to, where the file says; None of other formats than DICOM.
    """

    pixels: NDArray[np.uint8]
    sha256: str
    steps: tuple[str, ...]
    series: Series | None = None


def read(source: str | Path | bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS) -> Scan:
    """Read an image file, or its bytes, as one grey scan.

    PNG, JPEG, BMP, TIFF (one page), WebP, binary PGM or PPM, and DICOM (one frame; see :mod:`edge_run.scan.dicom`).
    Sixteen-bit images other than DICOM carry no display window, so their own range is stretched to 0..255. Colour
    becomes grey by the weights of ITU-R BT.601.

    Parameters
    ----------
    source
        Path of a regular file, or the encoded bytes.
    max_bytes
        Largest encoded size that is read.
    max_pixels
        Largest width x height that is decoded; of DICOM, x samples x frames.

    Raises
    ------
    InputError
        Not a readable regular file, empty, too large, truncated, damaged, or no image edge-run reads.
    BackendError
        It is DICOM, and the extra ``dicom`` is not installed.
    """
    return _read(source, max_bytes, max_pixels, single=True)[0]


def read_frames(
    source: str | Path | bytes, *, max_bytes: int = MAX_BYTES, max_pixels: int = MAX_PIXELS
) -> tuple[Scan, ...]:
    """Read every frame of a file, or of its bytes: one, except where DICOM holds several. Else as :func:`read`."""
    return _read(source, max_bytes, max_pixels, single=False)


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


def _read(source: str | Path | bytes, max_bytes: int, max_pixels: int, *, single: bool) -> tuple[Scan, ...]:
    name = "the input" if isinstance(source, bytes) else str(source)
    data = source if isinstance(source, bytes) else load(Path(source), max_bytes)
    if not data:
        raise InputError(f"{name} is empty.", hint="Copy or export the file again.")
    if len(data) > max_bytes:
        raise too_large(name, len(data), max_bytes)
    try:
        # First: its preamble is free, and dual-personality files put a TIFF header there.
        if dicom.is_dicom(data[: dicom.LENGTH]):
            from edge_run.scan.dicom.read import read as read_dicom

            return read_dicom(data, max_bytes=max_bytes, max_pixels=max_pixels, single=single)
        pixels, steps = _decode(data, _checked(data, max_pixels))
    except FormatError as error:
        raise InputError(f"{name} {error}.", hint=error.hint) from error
    grey = to_uint8(to_grey(pixels, steps), steps)
    return (Scan(grey, hashlib.sha256(data).hexdigest(), tuple(steps)),)


def _checked(data: bytes, max_pixels: int) -> Header:
    header = sniff(data)
    if header.width * header.height > max_pixels:
        raise FormatError(
            f"is {header.width}x{header.height} pixels, over the limit of {max_pixels} pixels",
            hint="Give the scan at the size it was acquired at.",
        )
    require_whole(data)
    return header


def _decode(data: bytes, header: Header) -> tuple[Pixels, list[str]]:
    """Decode to ``[H, W]`` or ``[H, W, 3]`` (BGR), upright, black stored as zero."""
    _quiet()
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE)
    except cv2.error as error:
        raise FormatError(f"is a {header.format} that OpenCV cannot decode: {error.err}") from error
    if decoded is None:
        raise FormatError(f"is a {header.format} that OpenCV cannot decode: damaged, or of a rare kind")
    pixels: Pixels = np.asarray(decoded)
    _require_as_announced(pixels, header)
    steps = [f"decoded {header.format} {header.bits}-bit {header.colour} {header.width}x{header.height}"]
    if header.alpha:
        steps.append("alpha dropped")
    if header.inverted:
        pixels = ~pixels
        steps.append("inverted: white was stored as zero")
    if header.orientation != 1:
        if not header.turned_by_decoder:
            pixels = upright(pixels, header.orientation)
        steps.append(f"EXIF orientation {header.orientation} applied")
    return pixels, steps


def _require_as_announced(pixels: Pixels, header: Header) -> None:
    """Hold the decoder to the header: a file of two minds about its size is an attack or an accident."""
    expected = (header.height, header.width)
    if header.turned_by_decoder and header.orientation >= 5:
        expected = expected[::-1]
    known = pixels.dtype in (np.uint8, np.uint16) and pixels.shape[2:] in ((), (3,))
    if not known or pixels.shape[:2] != expected:
        raise FormatError(f"decodes to {list(pixels.shape)} {pixels.dtype}, unlike what its header says")


@functools.cache
def _quiet() -> None:
    """Keep OpenCV from writing to stderr what an InputError is about to say."""
    logging = getattr(cv2.utils, "logging", None)  # OpenCV 5
    if logging is not None:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    elif hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(0)
