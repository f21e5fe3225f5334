"""One compressed frame -> stored values, by the decoders that pydicom finds, in a child process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_run.errors import BackendError
from edge_run.scan.formats.header import FormatError
from edge_run.scan.formats.jpeg_codes import require_codes_to_add_up
from edge_run.scan.worker.pool import Deadline, Pool

from . import rle
from .layout import name_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.scan.scan import Limits

    from .layout import Layout

_JPEG = b"\xff\xd8"
# What libjpeg says of pixels that it made up, and OpenJPEG of tiles that are cut.
_MADE_UP = ("premature end", "bad huffman code", "corrupt jpeg data", "inconsistent with stream length")
_DAMAGED = "is a DICOM file whose compressed pixel data ({name}) cannot be decoded: damaged, or of a rare kind"
_MISSING = "is a DICOM file compressed as {name}, which no installed package decodes"
_CONVERT = "Convert it first: gdcmconv --raw IN OUT, or dcmdjpeg IN OUT."

RLE = "1.2.840.10008.1.2.5"

_children = Pool("frame")


def decode(frame: bytes, layout: Layout, limits: Limits, deadline: Deadline) -> NDArray[np.integer[Any]]:
    """Decode one frame.

    Parameters
    ----------
    frame
        As it is encapsulated.
    deadline
        The time that the file's frames may still take.

    Returns
    -------
    ``[rows, columns]`` or ``[rows, columns, 3]``, 8 or 16 bits.

    Raises
    ------
    FormatError
        It cannot be decoded, ends the child process, or takes more than the limits allow.
    BackendError
        No decoder is installed at all.
    """
    head, pixels = ask(frame, {"syntax": str(layout.syntax), "options": _options(layout)}, limits, deadline)
    return _checked(head, pixels, name_of(layout.syntax))


def decode_here(frame: bytes, layout: Layout) -> NDArray[np.integer[Any]]:
    """Decode one frame in this process, which is a child; see :func:`decode`."""
    head, pixels = job({"syntax": str(layout.syntax), "options": _options(layout)}, frame)
    return _checked(head, pixels, name_of(layout.syntax))


def ask(
    data: bytes, options: dict[str, Any], limits: Limits, deadline: Deadline | None = None
) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Let a child do a job; see :meth:`edge_run.scan.worker.pool.Pool.decode`."""
    return _children.decode(data, options, limits, deadline)


def tells_of_damage(printed: str) -> bool:
    """Whether a decoder printed that pixels are made up."""
    return any(words in printed.lower() for words in _MADE_UP)


def _checked(head: dict[str, Any], pixels: NDArray[Any] | None, name: str) -> NDArray[np.integer[Any]]:
    if head["status"] == "no-extra":
        raise BackendError(
            f"DICOM files compressed as {name} need python-gdcm, which is not installed",
            hint="pip install 'edge-run[dicom]'",
        )
    if head["status"] == "no-decoder":
        raise FormatError(_MISSING.format(name=name), hint=_CONVERT)
    if pixels is None or tells_of_damage(head.get("printed", "")):
        raise FormatError(_DAMAGED.format(name=name))
    return pixels


def job(options: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], NDArray[np.integer[Any]] | None]:
    """Decode a frame in the child process."""
    if options["syntax"] == RLE:
        return _run_lengths(options["options"], frame)
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    try:
        decoder = get_decoder(options["syntax"])
    except NotImplementedError:
        return {"status": "no-decoder"}, None
    if not decoder.is_available:
        return {"status": "no-decoder" if _has_gdcm() else "no-extra"}, None
    try:
        if frame.startswith(_JPEG):
            require_codes_to_add_up(frame)
        array, _ = decoder.as_array(encapsulate([frame]), index=0, **options["options"])
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - of a damaged frame decoders raise anything
        unsupported = isinstance(error.__cause__ or error, NotImplementedError) or "12-bit" in str(error)
        return {"status": "no-decoder" if unsupported else "damaged"}, None
    return {"status": "ok"}, array


def _run_lengths(options: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], NDArray[np.integer[Any]] | None]:
    try:
        array = rle.decode(
            frame,
            rows=options["rows"],
            columns=options["columns"],
            samples=options["samples_per_pixel"],
            allocated=options["bits_allocated"],
            signed=options["pixel_representation"] == 1,
        )
    except FormatError:
        return {"status": "damaged"}, None
    if options["photometric_interpretation"].startswith("YBR"):
        from pydicom.pixels.processing import convert_color_space

        array = convert_color_space(array, "YBR_FULL", "RGB")
    return {"status": "ok"}, array


def _options(layout: Layout) -> dict[str, Any]:
    """Return what pydicom's decoders need to know of one frame."""
    options = {
        "rows": layout.rows,
        "columns": layout.columns,
        "samples_per_pixel": layout.samples,
        "number_of_frames": 1,
        "bits_allocated": layout.allocated,
        "bits_stored": layout.stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": layout.photometric,
        "pixel_keyword": "PixelData",
    }
    return options | ({"planar_configuration": layout.planar} if layout.samples > 1 else {})


def _has_gdcm() -> bool:
    from importlib.util import find_spec

    return find_spec("gdcm") is not None
