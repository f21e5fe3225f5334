"""A DICOM file's bytes -> scans."""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.errors import BackendError
from edge_run.scan import grey
from edge_run.scan.formats.header import FormatError
from edge_run.scan.scan import Scan
from edge_run.scan.worker.pool import Deadline

from . import frame_job, windowing
from .layout import layout, name_of
from .parse import LaboriousError, parse
from .pixel_data import frames
from .quiet import quiet
from .series import Series, place
from .values import Elements

if TYPE_CHECKING:
    from typing import Protocol

    from numpy.typing import NDArray
    from pydicom import Dataset

    from edge_run.scan.scan import Limits

    from .layout import Layout

    class Decode(Protocol):
        """Decodes a compressed frame of a layout."""

        def __call__(self, frame: bytes, /, layout: Layout) -> NDArray[np.integer[Any]]:
            """Decode one."""


# Each takes a millisecond or two, whatever its size.
_FEW_FRAMES = 256


def read(data: bytes, limits: Limits, *, single: bool) -> tuple[Scan, ...]:
    """Read a file's frames.

    Parameters
    ----------
    data
        The whole file.
    limits
        Bounds on what the file may cost.
    single
        Refuse several frames.

    Raises
    ------
    FormatError
        It holds no image, several, or none that can be decoded.
    BackendError
        A package of the extra ``dicom`` is missing.
    """
    deadline = Deadline(limits.max_seconds)

    def decode(frame: bytes, layout: Layout) -> NDArray[np.integer[Any]]:
        return frame_job.decode(frame, layout, limits, deadline)

    try:
        return read_here(data, limits, decode, single=single, few=True)
    except LaboriousError:
        return _read_in_child(data, limits, single=single)


def read_here(data: bytes, limits: Limits, decode: Decode, *, single: bool, few: bool) -> tuple[Scan, ...]:
    """Read a file's frames in this process.

    Parameters
    ----------
    decode
        Decodes a compressed frame.
    few
        Give up on a file whose elements take long to parse.

    Raises
    ------
    FormatError, BackendError
        As :func:`read`.
    LaboriousError
        ``few`` was asked for, and there are too many.
    """
    with quiet:
        _need_pydicom()
        try:
            dataset = parse(data, limits.max_bytes, few=few)
            found = layout(dataset, limits.max_pixels, single=single)
            if few:
                _require_few_frames(found)
            return _scans(dataset, found, decode, hashlib.sha256(data).hexdigest())
        except (FormatError, BackendError, LaboriousError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - of a damaged file pydicom raises anything
            # Its words may quote the file; so may those it was raised from.
            raise FormatError(f"is a damaged DICOM file ({type(error).__name__} while it was read)") from None


def _require_few_frames(layout: Layout) -> None:
    if layout.frames > _FEW_FRAMES:
        raise LaboriousError


def _read_in_child(data: bytes, limits: Limits, *, single: bool) -> tuple[Scan, ...]:
    """Read a file in a child process, within the limits on time and memory."""
    options = {"single": single, "max_bytes": limits.max_bytes, "max_pixels": limits.max_pixels}
    head, pixels = frame_job.ask(data, options, limits)
    if head["status"] == "backend":
        raise BackendError(head["why"], hint=head["hint"])
    if pixels is None or frame_job.tells_of_damage(head["printed"]):
        raise FormatError(head.get("why", "is a damaged DICOM file"), hint=head.get("hint", ""))
    sha256 = hashlib.sha256(data).hexdigest()
    return tuple(
        Scan(frame, sha256, tuple(one["steps"]), Series(**one["series"]))
        for frame, one in zip(pixels, head["scans"], strict=True)
    )


def _scans(dataset: Dataset, layout: Layout, decode: Decode, sha256: str) -> tuple[Scan, ...]:
    scans = []
    for number, stored in enumerate(frames(dataset, layout, partial(decode, layout=layout))):
        elements = Elements(dataset, number)
        where = place(elements, number if layout.frames > 1 else None)
        steps = [f"decoded DICOM {where.modality} {layout} ({name_of(layout.syntax)})"]
        if where.frame is not None:
            steps.append(f"frame {where.frame} of {layout.frames}")
        if str(elements.get("PresentationIntentType") or "").strip().upper() == "FOR PROCESSING":
            steps.append("stored for processing, not as it would be shown")
        scans.append(Scan(_to_grey(stored, elements, layout, steps), sha256, tuple(steps), where))
    return tuple(scans)


def _to_grey(
    stored: NDArray[np.integer[Any]], elements: Elements, layout: Layout, steps: list[str]
) -> NDArray[np.uint8]:
    if windowing.is_grey(layout):
        return windowing.to_grey(stored, elements, layout, steps)
    if windowing.is_palette(layout):
        bgr: Any = windowing.to_bgr(stored, elements, layout, steps)
    else:
        bgr = np.ascontiguousarray(stored[:, :, ::-1])
    return grey.to_uint8(grey.to_grey(bgr, steps), steps)


def _need_pydicom() -> None:
    try:
        import pydicom.pixels  # noqa: F401
    except ModuleNotFoundError as error:
        raise BackendError(
            f"reading DICOM needs {error.name}, which is not installed", hint="pip install 'edge-run[dicom]'"
        ) from error
