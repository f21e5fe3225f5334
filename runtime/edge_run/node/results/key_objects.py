"""The deciding slices as a Key Object Selection, from which many viewers jump to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument

from . import codes, wording
from .context import Context, Kind
from .observer import observer

if TYPE_CHECKING:
    from pydicom import Dataset


def key_objects(context: Context) -> Dataset:
    """Select the slices that decided."""
    # An image of which several frames decided is selected once.
    images = list({str(image.SOPInstanceUID): image for image, _ in context.deciding_images()}.values())
    content = KeyObjectSelection(
        document_title=codes.KEY_OBJECTS.concept(),
        referenced_objects=images,
        observer_device_context=observer(context),
        description=f"{wording.headline(context.answer)}. Slices that decided. {wording.STATUS}",
    )
    made = KeyObjectSelectionDocument(evidence=images, content=content, **context.common(Kind.KEY_OBJECTS))
    return context.finish(made, f"edge-run key images {context.bundle} (research)")
