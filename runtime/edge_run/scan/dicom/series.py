"""What ties a scan to the others of its series, and nothing of whom it shows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .values import each

if TYPE_CHECKING:
    from .values import Elements

# PS3.3 C.7.3.1.1.1, of those that carry images, and DR, which is met in practice. Anything else could be free text, and
# is not passed on.
MODALITIES = frozenset(
    {
        "BI", "BMD", "CR", "CT", "DG", "DMS", "DR", "DX", "ES", "GM", "IO", "IVOCT", "IVUS", "LS", "MG", "MR", "NM",
        "OCT", "OP", "OPM", "OPT", "OPV", "OT", "PT", "PX", "RF", "RG", "RTIMAGE", "SC", "SM", "TG", "US", "XA", "XC",
    }
)  # fmt: skip
UNKNOWN = "unknown"
_PSEUDONYM = 16


@dataclass(frozen=True)
class Series:
    """A scan's place in its series.

    Attributes
    ----------
    modality
        DICOM's defined term, ``CT``; ``unknown`` where the file has none.
    study, series
        Pseudonyms: the same for the same study and series, on every device. Whoever knows a UID can find its
        pseudonym again; see :func:`pseudonym`.
    instance
        Number of the image in the series, as the scanner counts.
    position
        Along the normal of the slices, mm; it grows towards the head in axial slices of a patient on his back.
    frame
        From 1, where the file holds several; else None.
    localizer
        An overview to plan slices on, not a slice.
    plane
        ``axial``, ``coronal`` or ``sagittal``, whichever is nearest; empty where the file does not say.
    """

    modality: str = UNKNOWN
    study: str = ""
    series: str = ""
    instance: int | None = None
    position: float | None = None
    frame: int | None = None
    localizer: bool = False
    plane: str = ""


def pseudonym(kind: str, uid: str) -> str:
    """Sixteen hexadecimal digits of the SHA-256 of a UID.

    There is no secret in it, so that a series has one name wherever it is answered. It hides the UID from those who
    do not have it, not from those who do: with an archive at hand, every pseudonym can be matched to its study.
    """
    return hashlib.sha256(f"edge-run {kind} {uid}".encode()).hexdigest()[:_PSEUDONYM] if uid else ""


def modality(elements: Elements) -> str:
    """Return the defined term of (0008,0060) Modality, or ``unknown``."""
    said = str(elements.get("Modality") or "").strip().upper()
    return said if said in MODALITIES else UNKNOWN


def place(elements: Elements, frame: int | None) -> Series:
    """Find a frame's place in its series.

    Parameters
    ----------
    frame
        From 0; None where the file holds one.
    """
    # What only orders slices may be malformed: the pixels are sound.
    instance = elements.numbers_if_sound("InstanceNumber")
    axes = elements.numbers_if_sound("ImageOrientationPatient", "PlaneOrientationSequence")
    normal = _normal(axes) if len(axes) == 6 else None
    kinds = [str(kind).strip().upper() for kind in each(elements.get("ImageType"))]
    return Series(
        modality=modality(elements),
        study=pseudonym("study", str(elements.get("StudyInstanceUID") or "")),
        series=pseudonym("series", str(elements.get("SeriesInstanceUID") or "")),
        instance=int(instance[0]) if instance else None,
        position=_position(elements, normal),
        frame=None if frame is None else frame + 1,
        localizer="LOCALIZER" in kinds[2:],
        plane=_plane(normal),
    )


def _position(elements: Elements, normal: tuple[float, float, float] | None) -> float | None:
    """Project (0020,0032) Image Position on the normal of the slice (PS3.3 C.7.6.2.1.1)."""
    corner = elements.numbers_if_sound("ImagePositionPatient", "PlanePositionSequence")
    if normal is None or len(corner) != 3:
        return None
    return round(sum(n * c for n, c in zip(normal, corner, strict=True)), 3)


def _normal(axes: tuple[float, ...]) -> tuple[float, float, float]:
    """Normal of (0020,0037) Image Orientation."""
    (ax, ay, az), (bx, by, bz) = axes[:3], axes[3:]
    return (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def _plane(normal: tuple[float, float, float] | None) -> str:
    """Return the plane whose normal is nearest; a tilted gantry leaves a slice axial."""
    if normal is None or not any(normal):
        return ""
    lengths = [abs(side) for side in normal]
    return ("sagittal", "coronal", "axial")[lengths.index(max(lengths))]
