"""What a child process does with DICOM: decode a frame, or read a whole file whose elements take long to parse."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_run.errors import BackendError
from edge_run.scan.formats.header import FormatError
from edge_run.scan.scan import Limits

from . import frame_job

if TYPE_CHECKING:
    from numpy.typing import NDArray


def job(options: dict[str, Any], data: bytes) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Do one job; that of a whole file says whether it must have a single frame."""
    return _read(options, data) if "single" in options else frame_job.job(options, data)


def _read(options: dict[str, Any], data: bytes) -> tuple[dict[str, Any], NDArray[np.uint8] | None]:
    from .read import read_here

    limits = Limits(max_bytes=options["max_bytes"], max_pixels=options["max_pixels"])
    try:
        scans = read_here(data, limits, frame_job.decode_here, single=options["single"], few=False)
    except FormatError as error:
        return {"status": "refused", "why": str(error), "hint": error.hint}, None
    except BackendError as error:
        return {"status": "backend", "why": error.message, "hint": error.hint}, None
    known = [{"steps": scan.steps, "series": asdict(scan.series) if scan.series else {}} for scan in scans]
    return {"status": "ok", "scans": known}, np.stack([scan.pixels for scan in scans])
