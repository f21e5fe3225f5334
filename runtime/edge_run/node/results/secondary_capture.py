"""The picture as a Secondary Capture image in RGB, which every viewer shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.sc import SCImage
from pydicom.dataset import Dataset

from . import codes, picture, wording
from .context import Context, Kind, sound
from .plain import ascii_only

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_COMMENT = 10240
"""VR LT of (0020,4000) Image Comments."""


def capture(context: Context) -> Dataset:
    """Make the Secondary Capture of an answer."""
    first = sound(context.source.first)
    common = context.common(Kind.PICTURE)
    made = SCImage(
        pixel_array=picture.draw(context),
        photometric_interpretation="RGB",
        bits_allocated=8,
        # The picture is laid out from several images: no one orientation is true of it.
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        study_instance_uid=str(first.StudyInstanceUID),
        patient_id=first.PatientID,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        **common,
    )
    made["PatientOrientation"].value = None
    made.BurnedInAnnotation = "NO"
    made.ImageComments = " ".join([f"{wording.headline(context.answer)}.", wording.STATUS, *_rest(context)])[
        :MAX_COMMENT
    ]
    made.DerivationDescription = "Slices that decided and their class-activation maps, drawn with words"
    lossy = {str(image.get("LossyImageCompression") or "") for image in context.source.images}
    if "01" in lossy:
        made.LossyImageCompression = "01"
    if sources := _sources(context):
        made.SourceImageSequence = sources
    for moment in ("DateOfSecondaryCapture", "TimeOfSecondaryCapture"):
        form = "%Y%m%d" if moment.startswith("Date") else "%H%M%S"
        setattr(made, moment, context.answered.strftime(form))
    return context.finish(made, f"edge-run heatmap {context.bundle} (research)")


def _rest(context: Context) -> Sequence[str]:
    said = [wording.probability(context.answer), *wording.reasons(context.answer), wording.basis(context.answer)]
    return [ascii_only(one) for one in (*said, context.proof.intended_use) if one]


def _sources(context: Context) -> list[Dataset]:
    """Refer to the slices that are drawn."""
    items = []
    for one in context.answer.deciding[: picture.MAX_SHOWN]:
        image = context.source.image(one.instance_uid)
        if image is None:
            continue
        item = Dataset()
        item.ReferencedSOPClassUID = image.SOPClassUID
        item.ReferencedSOPInstanceUID = image.SOPInstanceUID
        if one.frame is not None:
            item.ReferencedFrameNumber = one.frame
        item.PurposeOfReferenceCodeSequence = [codes.SOURCE_IMAGE.concept()]
        items.append(item)
    return items
