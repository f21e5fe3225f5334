"""The slices that decided, with their heatmaps: what the picture of an answer shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_run.errors import EdgeRunError
from edge_run.scan.read import read_frames

from .results import DecidingSlice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from edge_run.ensemble.ensemble import Ensemble
    from edge_run.voting.prediction import Prediction

MOST = 4
"""Slices with a picture; a tenth of a long series decides, and nobody looks at thirty pictures."""


def deciding_slices(
    ensemble: Ensemble, deciding: Sequence[tuple[Path, Prediction, int | None]]
) -> tuple[DecidingSlice, ...]:
    """Read the first deciding slices again and draw their heatmaps; one that cannot be drawn has none.

    Parameters
    ----------
    deciding
        File, prediction and frame (from 1) of each, the most positive first.
    """
    positive = ensemble.manifest.task.positive
    found = []
    for path, prediction, frame in deciding[:MOST]:
        try:
            scan = read_frames(path)[(frame or 1) - 1]
        except (EdgeRunError, IndexError):
            continue
        try:
            maps = ensemble.heatmap(scan).maps
        except EdgeRunError:
            maps = None
        found.append(DecidingSlice(_instance_uid(path), prediction.probabilities[positive], scan.pixels, maps, frame))
    return tuple(found)


def _instance_uid(path: Path) -> str:
    from pydicom import dcmread

    from edge_run.scan.dicom.quiet import quiet

    with quiet:
        return str(dcmread(path, specific_tags=["SOPInstanceUID"], stop_before_pixels=True).SOPInstanceUID)
