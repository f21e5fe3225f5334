"""Encoded images other than DICOM -> pixels, by OpenCV, held to what the file's header says."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run.scan.formats import require_whole, sniff
from edge_run.scan.formats.header import FormatError
from edge_run.scan.grey import upright

if TYPE_CHECKING:
    from edge_run.scan.formats.header import Header
    from edge_run.scan.grey import Pixels
    from edge_run.scan.scan import Limits

# Depth is kept and alpha dropped; orientation is applied here, so that every OpenCV does it the same way.
_FLAGS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION


def decode(data: bytes, limits: Limits) -> tuple[Pixels, list[str]]:
    """Decode to ``[H, W]`` or ``[H, W, 3]`` (BGR), uint8 or uint16, upright, black stored as zero.

    Returns
    -------
    The pixels, and the steps that led to them.

    Raises
    ------
    FormatError
        No format edge-run reads, too many pixels, truncated or damaged.
    """
    header = _checked(data, limits)
    pixels = _decoded(data, header)
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


def _checked(data: bytes, limits: Limits) -> Header:
    header = sniff(data)
    if header.width * header.height > limits.max_pixels:
        raise FormatError(
            f"is {header.width}x{header.height} pixels, over the limit of {limits.max_pixels} pixels",
            hint="Give the scan at the size it was acquired at.",
        )
    require_whole(data)
    return header


def _decoded(data: bytes, header: Header) -> Pixels:
    _silence_opencv()
    try:
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS)
    except cv2.error as error:
        raise FormatError(f"is a {header.format} that OpenCV cannot decode: {error.err}") from error
    if decoded is None:
        raise FormatError(f"is a {header.format} that OpenCV cannot decode: damaged, or of a rare kind")
    pixels: Pixels = np.asarray(decoded)
    _require_as_announced(pixels, header)
    return pixels


def _require_as_announced(pixels: Pixels, header: Header) -> None:
    """Hold the decoder to the header: a file that contradicts itself about its size is an attack or an accident."""
    expected = (header.height, header.width)
    if header.turned_by_decoder and header.orientation >= 5:
        expected = expected[::-1]
    known = pixels.dtype in (np.uint8, np.uint16) and pixels.shape[2:] in ((), (3,))
    if not known or pixels.shape[:2] != expected:
        raise FormatError(f"decodes to {list(pixels.shape)} {pixels.dtype}, unlike what its header says")


@functools.cache
def _silence_opencv() -> None:
    """Keep OpenCV from writing to stderr what an InputError is about to say."""
    logging = getattr(cv2.utils, "logging", None)  # OpenCV 5
    if logging is not None:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    elif hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(0)
