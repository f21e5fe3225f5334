"""The class-activation maps of the deciding slices as numbers, in a Parametric Map.

The maps have the size of their images, since viewers misplace maps of another size (slim #321), and the label
``HEATMAP``, the only one that some viewers show (dicom-microscopy-viewer #194).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from highdicom import VOILUTTransformation
from highdicom.pm import ParametricMap, RealWorldValueMapping

from . import codes
from .context import Context, Kind
from .maps import enlarged
from .uids import derived_uid

if TYPE_CHECKING:
    from pydicom import Dataset

    from .answer import DecidingSlice

MAX_FRAMES = 16
_GEOMETRY = ("FrameOfReferenceUID", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness")


def parametric_map(context: Context) -> Dataset | None:
    """Write the maps; None where no slice has both a map and a place in a frame of reference."""
    slices = _placed(context)
    if not slices:
        return None
    rows, columns = int(slices[0][0].Rows), int(slices[0][0].Columns)
    maps = [one.maps for _, one in slices if one.maps is not None]
    limit = max(one.limit for one in maps)
    made = ParametricMap(
        source_images=[image for image, _ in slices],
        pixel_array=np.stack([enlarged(one.ensemble, rows, columns) for one in maps]),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping(float(limit))],
        content_label="HEATMAP",
        content_description="Class activation in log-odds, positive for the finding"[:64],
        voi_lut_transformations=[VOILUTTransformation(window_center=0.0, window_width=2.0 * float(limit))],
        **context.common(Kind.PARAMETRIC_MAP),
    )
    dimension = derived_uid("dimension", made.SOPInstanceUID)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = dimension
    return context.finish(made, f"edge-run map {context.bundle} (research)")


def _placed(context: Context) -> list[tuple[Dataset, DecidingSlice]]:
    found = [
        (image, one)
        for image, one in context.deciding_images()
        if one.maps is not None and one.frame is None and all(image.get(keyword) for keyword in _GEOMETRY)
    ]
    same = [pair for pair in found if (pair[0].Rows, pair[0].Columns) == (found[0][0].Rows, found[0][0].Columns)]
    return same[:MAX_FRAMES]


def _mapping(limit: float) -> RealWorldValueMapping:
    return RealWorldValueMapping(
        lut_label="LOGODDS",
        lut_explanation="Contribution to the log-odds of the finding",
        unit=codes.NO_UNITS.concept(),
        value_range=(-10 * limit, 10 * limit),
        slope=1.0,
        intercept=0.0,
        quantity_definition=codes.CLASS_ACTIVATION.concept(),
    )
