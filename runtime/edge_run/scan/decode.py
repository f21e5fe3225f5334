"""Encoded images other than DICOM -> grey pixels, by OpenCV, held to what the file's header says."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from edge_run.scan.formats import pixels_alone, require_whole, sniff
from edge_run.scan.formats.header import FormatError
from edge_run.scan.formats.jpeg_codes import require_codes_to_add_up
from edge_run.scan.grey import to_grey, to_uint8, upright
from edge_run.scan.worker.pool import Pool

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.scan.formats.header import Header
    from edge_run.scan.grey import Pixels
    from edge_run.scan.scan import Limits

# Depth is kept and alpha dropped; orientation is applied here, so that every OpenCV does it the same way.
_FLAGS = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
# What this process decodes itself takes some tenths of a second and some tens of MiB at most.
_FEW_PIXELS, _FEW_BYTES, _FEW_SLOW_BYTES = 4 * 2**20, 32 * 2**20, 2**19
# libjpeg's only complaint that a whole picture can cause: a byte or two of padding before its end.
_HARMLESS = re.compile(r"Corrupt JPEG data: [12] extraneous bytes before marker 0xd9\s*\Z")
_COLOURED = frozenset({"RGB", "YCbCr", "CMYK"})

_children = Pool("picture")


def decode(data: bytes, limits: Limits) -> tuple[NDArray[np.uint8], list[str]]:
    """Decode to ``[H, W]`` grey, upright.

    What is small and simple is decoded here; the rest in a child process with bounds on time and memory. JPEG always
    is: libjpeg fills what is lost with grey and says so on stderr alone, where only a child's can be read.

    Returns
    -------
    The pixels, and the steps that led to them.

    Raises
    ------
    FormatError
        No format edge-run reads, too many pixels, truncated, damaged, or beyond the limits on time and memory.
    """
    header = sniff(data)
    if header.width * header.height > limits.max_pixels:
        raise FormatError(
            f"is {header.width}x{header.height} pixels, over the limit of {limits.max_pixels} pixels",
            hint="Give the scan at the size it was acquired at.",
        )
    if _is_cheap(header, len(data)):
        return _decode_here(data, header)
    if header.format == "JPEG" and len(data) <= _FEW_BYTES:
        # Before a child is started for it; of a large one, this takes long as well.
        require_whole(data)
    said, pixels = _children.decode(data, {}, limits)
    if said["status"] == "refused":
        raise FormatError(said["why"], hint=said["hint"])
    if pixels is None:
        raise FormatError(f"is a {header.format} that OpenCV cannot decode: damaged, or of a rare kind")
    if header.format == "JPEG" and said["printed"] and not _HARMLESS.match(said["printed"]):
        raise FormatError(f"is damaged: part of the picture is lost ({_first_line(said['printed'])})")
    return pixels, said["steps"]


def job(_: dict[str, Any], data: bytes) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    """Decode a file in the child process."""
    try:
        header = sniff(data)
        if header.format == "JPEG":
            require_codes_to_add_up(data)
        pixels, steps = _decode_here(data, header)
    except FormatError as error:
        return {"status": "refused", "why": str(error), "hint": error.hint}, None
    return {"status": "ok", "steps": steps}, pixels


def _is_cheap(header: Header, length: int) -> bool:
    few_bytes = _FEW_SLOW_BYTES if header.slow else _FEW_BYTES
    return not header.prints and header.width * header.height <= _FEW_PIXELS and length <= few_bytes


def _decode_here(data: bytes, header: Header) -> tuple[NDArray[np.uint8], list[str]]:
    if header.decode is None:
        require_whole(data)
    pixels = header.decode(data) if header.decode else _decoded(data, header)
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
    return to_uint8(to_grey(pixels, steps), steps), steps


def _decoded(data: bytes, header: Header) -> Pixels:
    """Decode to ``[H, W]`` or ``[H, W, 3]`` (BGR), uint8 or uint16, as stored."""
    _silence_opencv()
    try:
        decoded = cv2.imdecode(np.frombuffer(pixels_alone(data), np.uint8), _FLAGS)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError from error
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
    dtype = np.uint16 if header.bits == 16 else np.uint8
    channels = ((3,),) if header.colour in _COLOURED else ((), (3,))
    if pixels.dtype != dtype or pixels.shape[2:] not in channels or pixels.shape[:2] != expected:
        raise FormatError(f"decodes to {list(pixels.shape)} {pixels.dtype}, unlike what its header says")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0][:100]


@functools.cache
def _silence_opencv() -> None:
    """Keep OpenCV from writing to stderr what an InputError is about to say."""
    logging = getattr(cv2.utils, "logging", None)  # OpenCV 5
    if logging is not None:
        logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    elif hasattr(cv2, "setLogLevel"):  # OpenCV 4
        cv2.setLogLevel(0)
