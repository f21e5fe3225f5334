"""Path, encoded bytes, file object, array or picture -> Scan: the only way pixels enter edge-run.

A file is untrusted. Its size is bounded before it is read, its width and height before it is decoded, and one
that is cut is refused rather than answered from the part that is there.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

from edge_run._files.read import load, too_large
from edge_run.errors import InputError, UsageError
from edge_run.scan.array import from_array, from_picture
from edge_run.scan.decode import decode
from edge_run.scan.dicom import sniff as dicom
from edge_run.scan.formats.header import FormatError
from edge_run.scan.scan import DEFAULT_LIMITS, MAX_BYTES, MAX_PIXELS, Limits, Scan

if TYPE_CHECKING:
    from typing import Protocol, TypeAlias

    from edge_run.scan.array import Picture

    class BinaryFile(Protocol):
        """A file object opened in binary mode."""

        def read(self, size: int, /) -> bytes:
            """Return at most ``size`` bytes."""

    ScanSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | Picture | Scan

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Limits", "Scan", "from_array", "read", "read_bytes", "read_frames"]

_ACCEPTED = "a path, encoded bytes, a binary file object, an array, a PIL image, or a Scan"


def read(source: ScanSource, *, limits: Limits = DEFAULT_LIMITS) -> Scan:
    """Read one grey scan.

    PNG, JPEG, BMP, TIFF (one page), WebP, binary PGM or PPM, and DICOM (one frame; see :mod:`edge_run.scan.dicom`).
    Sixteen-bit images other than DICOM carry no display window, so their own range is stretched to 0..255. Colour
    becomes grey by the weights of ITU-R BT.601.

    Parameters
    ----------
    source
        Path of a regular file, encoded bytes, a file object opened in binary mode (read from where it stands),
        an array (see :func:`from_array`), a PIL image, or a scan, which is returned as it is.
    limits
        Bounds on what one file may cost.

    Raises
    ------
    InputError
        Not a readable regular file, empty, too large, truncated, damaged, or no image edge-run reads.
    UsageError
        ``source`` is of none of these types.
    BackendError
        It is DICOM, and the extra ``dicom`` is not installed.
    """
    return _read(source, limits, single=True)[0]


def read_frames(source: ScanSource, *, limits: Limits = DEFAULT_LIMITS) -> tuple[Scan, ...]:
    """Read every frame of a source: one, except where DICOM holds several. Otherwise as :func:`read`."""
    return _read(source, limits, single=False)


def read_bytes(
    data: bytes, name: str = "the input", *, limits: Limits = DEFAULT_LIMITS, single: bool = False
) -> tuple[Scan, ...]:
    """Read the frames of an encoded file that is in memory.

    Parameters
    ----------
    name
        What errors call it.
    single
        Refuse a file of several frames.

    Raises
    ------
    InputError, BackendError
        As :func:`read`.
    """
    if not data:
        raise InputError(f"{name} is empty.", hint="Copy or export the file again.")
    if len(data) > limits.max_bytes:
        raise too_large(name, len(data), limits.max_bytes)
    try:
        # First: its preamble is free, and dual-personality files put a TIFF header there.
        if dicom.is_dicom(data[: dicom.LENGTH]):
            from edge_run.scan.dicom.read import read as read_dicom

            return read_dicom(data, limits, single=single)
        grey, steps = decode(data, limits)
    except FormatError as error:
        raise InputError(f"{name} {error}.", hint=error.hint) from error
    return (Scan(grey, hashlib.sha256(data).hexdigest(), tuple(steps)),)


def _read(source: ScanSource, limits: Limits, *, single: bool) -> tuple[Scan, ...]:
    if isinstance(source, Scan):
        return (source,)
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return read_bytes(load(path, limits.max_bytes), str(source), limits=limits, single=single)
    if isinstance(source, bytes | bytearray | memoryview):
        return read_bytes(bytes(source), limits=limits, single=single)
    if hasattr(source, "__array__"):
        return (from_picture(cast("Picture", source), limits),)
    if hasattr(source, "read"):
        return read_bytes(_content(source, limits), limits=limits, single=single)
    raise UsageError(f"{_type_name(source)} is no scan, expected {_ACCEPTED}", hint=_hint(source))


def _content(file: BinaryFile, limits: Limits) -> bytes:
    try:
        data = file.read(limits.max_bytes + 1)
    except (OSError, ValueError) as error:
        raise InputError(f"the file object cannot be read: {error}.", hint="Open it again, in binary mode.") from error
    if not isinstance(data, bytes | bytearray):
        raise UsageError(
            f"the file object returned {_type_name(data)} instead of bytes",
            hint="open it in binary mode: open(p, 'rb')",
        )
    return bytes(data)


def _type_name(source: object) -> str:
    kind = type(source)
    return (
        "None"
        if source is None
        else kind.__name__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__name__}"
    )


def _hint(source: object) -> str:
    if isinstance(source, list | tuple | set):
        return "pass one scan at a time, or many to predict_many"
    return "pass an image file's path, or numpy.asarray(...) of its pixels"
