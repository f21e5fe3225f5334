"""Outlines on the deciding slices as a Grayscale Softcopy Presentation State, without a VOI LUT.

A presentation state with a window would replace the reader's own (Weasis #746).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from highdicom.pr import (
    GraphicAnnotation,
    GraphicLayer,
    GraphicObject,
    GrayscaleSoftcopyPresentationState,
    TextObject,
)

from . import codes
from .context import Context, Kind
from .maps import enlarged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from .answer import DecidingSlice

MAX_OUTLINES, MAX_POINTS = 8, 400
_TEXT_BOX = (0.02, 0.93, 0.98, 0.99)


def presentation_state(context: Context) -> Dataset | None:
    """Outline strong evidence on the deciding slices; None where no slice can carry it."""
    slices = _fitting(context)
    if not slices:
        return None
    layer = GraphicLayer("EDGERUN", order=1, description="edge-run, research use, unverified")
    made = GrayscaleSoftcopyPresentationState(
        referenced_images=[image for image, _ in slices],
        content_label="EDGERUN",
        content_description="Evidence, unverified",
        graphic_layers=[layer],
        graphic_annotations=[_annotation(context, image, one, layer) for image, one in slices],
        **context.common(Kind.PRESENTATION_STATE),
    )
    return context.finish(made, f"edge-run outlines {context.bundle} (research)")


def _fitting(context: Context) -> list[tuple[Dataset, DecidingSlice]]:
    """Choose single-frame slices with a map, all of one size.

    The rescaling of an image of several frames lies in its functional groups; without it the state would be wrong.
    """
    found = [(image, one) for image, one in context.deciding_images() if one.maps is not None and one.frame is None]
    return [(image, one) for image, one in found if _size(image) == _size(found[0][0])]


def _annotation(context: Context, image: Dataset, one: DecidingSlice, layer: GraphicLayer) -> GraphicAnnotation:
    name = codes.finding_code(context.answer.positive).meaning
    text = TextObject(
        text_value=f"edge-run, unverified, research: {name} {one.probability:.1%} in this image",
        units="DISPLAY",
        bounding_box=_TEXT_BOX,
        text_justification="LEFT",
    )
    outlines = [
        GraphicObject("POLYLINE", graphic_data=points, units="PIXEL") for points in _outlines(one, *_size(image))
    ]
    return GraphicAnnotation([image], layer, graphic_objects=outlines, text_objects=[text])


def _outlines(one: DecidingSlice, height: int, width: int) -> Sequence[NDArray[np.float64]]:
    """Trace what exceeds half of the scale, as closed lines of (column, row), the largest first."""
    if one.maps is None:
        return []
    strong: Any = (enlarged(one.maps.ensemble, height, width) > one.maps.limit / 2).astype(np.uint8)
    found = sorted(
        cv2.findContours(strong, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0], key=cv2.contourArea, reverse=True
    )
    lines = []
    for contour in found[:MAX_OUTLINES]:
        points = np.asarray(cv2.approxPolyDP(contour, 0.7, closed=True), np.float64).reshape(-1, 2)[:MAX_POINTS]
        if len(points) > 2:
            # (0,0) is the corner of the first pixel, not its middle (PS3.3 C.10.5.1.2).
            lines.append(np.concatenate([points, points[:1]]) + 0.5)
    return lines


def _size(image: Dataset) -> tuple[int, int]:
    return int(image.Rows), int(image.Columns)
