"""Hashes of a DICOM object that do not depend on how it is encoded, to tell whether an archive has changed it."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

from edge_run._files import sha256
from edge_run.cases.series import LoggedObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import DataElement, Dataset

CONTENT = (
    "SOPClassUID", "Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "ContentDate",
    "ContentTime", "CompletionFlag", "PreliminaryFlag", "VerificationFlag", "ConceptNameCodeSequence",
    "ContentSequence", "PredecessorDocumentsSequence", "ImageComments", "PixelData", "GraphicAnnotationSequence",
    "FloatPixelData",
)  # fmt: skip
"""What an object says, without whom it is about."""

_CHARACTER_SET = 0x00080005


def hashes(dataset: Dataset) -> LoggedObject:
    """Hash an object.

    Text counts without the blanks that pad it, and in Unicode: so neither the transfer syntax nor the character set
    matters, which an archive may change. File meta information and group lengths do not count either.
    """
    return LoggedObject(
        modality=str(dataset.get("Modality") or ""),
        uid_sha256=sha256(str(dataset.SOPInstanceUID).encode()),
        content_sha256=_hash(element for element in dataset if element.keyword in CONTENT),
        object_sha256=_hash(iter(dataset)),
    )


def _hash(elements: Iterator[DataElement]) -> str:
    digest = hashlib.sha256()
    for part in _parts(elements):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _parts(elements: Iterator[DataElement]) -> Iterator[bytes]:
    for element in elements:
        if element.tag == _CHARACTER_SET or element.tag.element == 0:
            continue
        yield f"{element.tag:08x}".encode()
        if element.VR == "SQ":
            for item in element.value:
                yield b"item"
                yield from _parts(iter(item))
            yield b"end"
        else:
            yield from _values(element)


def _values(element: DataElement) -> Iterator[bytes]:
    value = element.value
    if value is None:
        return
    if isinstance(value, bytes):
        yield value.rstrip(b"\0") if element.VR == "UN" else value
        return
    several = value if isinstance(value, list | tuple) or hasattr(value, "append") else [value]
    if element.VR == "FL":
        # What is written has 32 bits; what was just made may have more.
        several = [struct.unpack("<f", struct.pack("<f", float(one)))[0] for one in several]
    text = "\\".join(str(one).strip(" \0") for one in several)
    if text:
        yield text.encode("utf-8", "surrogateescape")
