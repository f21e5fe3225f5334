"""Flags on what a DICOM file says that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from edge_run.scan.dicom.series import UNKNOWN
from edge_run.voting.prediction import Flag

if TYPE_CHECKING:
    from edge_run.bundle.manifest import Task
    from edge_run.scan.dicom.series import Series
    from edge_run.voting.prediction import Decision

_RADIOGRAPHS = frozenset({"CR", "DX", "DR"})


def with_dicom_flags(decision: Decision, series: Series | None, task: Task) -> Decision:
    """Put the flags of `dicom_flags` before a decision's own."""
    flags = dicom_flags(series, task.modality)
    return msgspec.structs.replace(decision, flags=(*flags, *decision.flags)) if flags else decision


def dicom_flags(series: Series | None, task_modality: str) -> tuple[Flag, ...]:
    """Flag a file of another modality than the bundle's, an overview (a localizer), or a slice that is not axial.

    Parameters
    ----------
    series
        The scan's place in its series; None where the file says nothing, which is never flagged.
    """
    if series is None:
        return ()
    other = foreign_modality(series.modality, task_modality)
    overview = Flag("localizer", "the image is an overview to plan slices on, not a slice")
    plane = _other_plane(series, task_modality)
    return tuple(flag for flag in (other, overview if series.localizer else None, plane) if flag)


def foreign_modality(scan_modality: str, task_modality: str) -> Flag | None:
    """Flag a scan of another modality than the bundle's; None where it is the same, or not known.

    ``CR``, ``DX`` and ``DR`` are all radiographs and count as one.
    """
    if scan_modality == UNKNOWN or _kind(scan_modality) == _kind(task_modality):
        return None
    return Flag("other-modality", f"modality {scan_modality}, the bundle was trained on {task_modality}")


def _other_plane(series: Series, task_modality: str) -> Flag | None:
    """Flag a slice that is not axial, as those that bundles for CT are trained on; None where it is, or not known."""
    if _kind(task_modality) != "CT" or series.plane in ("", "axial"):
        return None
    return Flag("other-plane", f"the slice is {series.plane}, the bundle was trained on axial ones")


def _kind(modality: str) -> str:
    return "radiograph" if modality.upper() in _RADIOGRAPHS else modality.upper()
