"""Which SOP classes and transfer syntaxes the node negotiates: one table, also that of the conformance statement.

What can be received is derived from the decoders that are installed: the node takes no image that it could not read.
UIDs and names are those of DICOM PS3.6.
"""

from __future__ import annotations

from typing import NamedTuple

IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
VERIFICATION = "1.2.840.10008.1.1"
STORAGE_COMMITMENT = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"


class Service(NamedTuple):
    """One SOP class of the node.

    Attributes
    ----------
    uid, name
        As PS3.6 registers them.
    purpose
        What the node does with it, a phrase for the conformance statement.
    """

    uid: str
    name: str
    purpose: str


class Syntax(NamedTuple):
    """One transfer syntax.

    Attributes
    ----------
    needs_decoder
        Whether pixel data is compressed, so that it can be read only with a decoder.
    """

    uid: str
    name: str
    needs_decoder: bool = False


RECEIVED = (
    Service("1.2.840.10008.5.1.4.1.1.2", "CT Image Storage", "answered"),
    Service("1.2.840.10008.5.1.4.1.1.2.1", "Enhanced CT Image Storage", "answered"),
    Service("1.2.840.10008.5.1.4.1.1.1", "Computed Radiography Image Storage", "answered"),
    Service("1.2.840.10008.5.1.4.1.1.1.1", "Digital X-Ray Image Storage - For Presentation", "answered"),
)
"""Storage SOP classes that the node accepts as SCP."""

DISCARDED = {
    "SR": (
        Service("1.2.840.10008.5.1.4.1.1.88.11", "Basic Text SR Storage", "discarded"),
        Service("1.2.840.10008.5.1.4.1.1.88.22", "Enhanced SR Storage", "discarded"),
        Service("1.2.840.10008.5.1.4.1.1.88.33", "Comprehensive SR Storage", "discarded"),
        Service("1.2.840.10008.5.1.4.1.1.88.67", "X-Ray Radiation Dose SR Storage", "discarded"),
    ),
    "PR": (Service("1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State Storage", "discarded"),),
    "SC": (Service("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage", "discarded"),),
    "KO": (Service("1.2.840.10008.5.1.4.1.1.88.59", "Key Object Selection Document Storage", "discarded"),),
    "DX-PROCESSING": (
        Service("1.2.840.10008.5.1.4.1.1.1.1.1", "Digital X-Ray Image Storage - For Processing", "discarded"),
    ),
}
"""Objects that the setting ``also`` accepts and drops, for senders that fail a whole job when one is refused."""

SENT = (
    Service("1.2.840.10008.5.1.4.1.1.88.34", "Comprehensive 3D SR Storage", "the answer"),
    Service("1.2.840.10008.5.1.4.1.1.7", "Secondary Capture Image Storage", "the deciding slices with their heatmap"),
    Service("1.2.840.10008.5.1.4.1.1.88.59", "Key Object Selection Document Storage", "the deciding slices"),
    Service(
        "1.2.840.10008.5.1.4.1.1.11.1", "Grayscale Softcopy Presentation State Storage", "outlines on a deciding slice"
    ),
    Service("1.2.840.10008.5.1.4.1.1.30", "Parametric Map Storage", "the class-activation map"),
)
"""Storage SOP classes that the node proposes as SCU."""

SENT_SYNTAXES = (Syntax(EXPLICIT, "Explicit VR Little Endian"), Syntax(IMPLICIT, "Implicit VR Little Endian"))
"""What the answers are proposed in, the preferred first."""

_READ = (
    Syntax(EXPLICIT, "Explicit VR Little Endian"),
    Syntax(IMPLICIT, "Implicit VR Little Endian"),
    Syntax(DEFLATED, "Deflated Explicit VR Little Endian"),
    Syntax("1.2.840.10008.1.2.5", "RLE Lossless"),
    Syntax("1.2.840.10008.1.2.4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction", True),
    Syntax("1.2.840.10008.1.2.4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", True),
    Syntax("1.2.840.10008.1.2.4.80", "JPEG-LS Lossless Image Compression", True),
    Syntax("1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression", True),
    Syntax("1.2.840.10008.1.2.4.90", "JPEG 2000 Image Compression (Lossless Only)", True),
    Syntax("1.2.840.10008.1.2.4.91", "JPEG 2000 Image Compression", True),
    Syntax("1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", True),
    Syntax("1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 Image Compression (Lossless Only)", True),
    Syntax("1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", True),
    Syntax("1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000 Image Compression", True),
)


def received_syntaxes() -> tuple[Syntax, ...]:
    """Transfer syntaxes that this installation reads, those without compression first."""
    return tuple(one for one in _READ if not one.needs_decoder or _is_decoded(one.uid))


def received_classes(also: tuple[str, ...] = ()) -> tuple[Service, ...]:
    """Storage SOP classes that are accepted.

    Parameters
    ----------
    also
        Keys of `DISCARDED`.
    """
    return (*RECEIVED, *(service for key in also for service in DISCARDED[key]))


def _is_decoded(syntax: str) -> bool:
    """Whether pydicom has a decoder of a compressed transfer syntax that works here."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    from edge_run.scan.dicom.quiet import quiet

    with quiet:
        try:
            return bool(get_decoder(UID(syntax)).is_available)
        except NotImplementedError:
            return False
