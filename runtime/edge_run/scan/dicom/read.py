"""A DICOM file's bytes -> scans."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.errors import BackendError
from edge_run.scan import grey
from edge_run.scan.formats.header import FormatError
from edge_run.scan.scan import Scan

from . import windowing
from .layout import layout, name_of
from .parse import parse
from .pixel_data import frames
from .quiet import quiet
from .series import place
from .values import Elements

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom import Dataset

    from edge_run.scan.scan import Limits

    from .layout import Layout


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
    with quiet:
        _need_pydicom()
        try:
            dataset = parse(data, limits.max_bytes)
            found = layout(dataset, limits.max_pixels, single=single)
            return _scans(dataset, found, limits, hashlib.sha256(data).hexdigest())
        except (FormatError, BackendError):
            raise
        except Exception as error:  # noqa: BLE001 - of a damaged file pydicom raises anything
            # Its words may quote the file; so may those it was raised from.
            raise FormatError(f"is a damaged DICOM file ({type(error).__name__} while it was read)") from None


def _scans(dataset: Dataset, layout: Layout, limits: Limits, sha256: str) -> tuple[Scan, ...]:
    scans = []
    for number, stored in enumerate(frames(dataset, layout, limits)):
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
