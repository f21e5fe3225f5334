"""Every code that the objects use, in one table, with its source.

The conformance statement prints this table. A code with ``confirm`` was not found in pydicom's copy of PS3.16, or its
use here is our reading of it: somebody who knows DICOM terminology must confirm it before clinical use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .plain import MAX_LO, short_text

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

PRIVATE_SCHEME = "99EDGERUN"
"""Designator of our own codes, declared in Coding Scheme Identification (PS3.16 8.2: private ones begin with 99)."""

MAX_MEANING = MAX_LO
"""Of (0008,0104) Code Meaning."""


class Code(NamedTuple):
    """A coded concept, where it stands in the standard, and whether somebody must confirm its use here."""

    value: str
    scheme: str
    meaning: str
    source: str
    confirm: bool = False

    def concept(self) -> CodedConcept:
        """Return the code as highdicom takes it."""
        from highdicom.sr import CodedConcept

        return CodedConcept(self.value, self.scheme, self.meaning[:MAX_MEANING])


_TID = "PS3.16 TID"
_CID = "PS3.16 CID"

TITLE = Code("126000", "DCM", "Imaging Measurement Report", f"{_CID} 7021")
FAMILY = Code("123110", "DCM", "Artificial Intelligence", f"{_CID} 7162")
PROBABILITY = Code("122157", "DCM", "Probability", "PS3.16 annex D", confirm=True)
CERTAINTY = Code("111012", "DCM", "Certainty of Finding", f"{_TID} 4006 (mammography CAD)", confirm=True)
NO_UNITS = Code("1", "UCUM", "no units", f"{_CID} 7181")
PERCENT = Code("%", "UCUM", "percent", f"{_CID} 7181")
COMMENT = Code("121106", "DCM", "Comment", f"{_TID} 1501, as an extension", confirm=True)
SUMMARY = Code("111017", "DCM", "CAD Processing and Findings Summary", f"{_TID} 4000", confirm=True)
KEY_OBJECTS = Code("113000", "DCM", "Of Interest", f"{_CID} 7010")
SOURCE_IMAGE = Code("121322", "DCM", "Source image for image processing operation", f"{_CID} 7202")
CLASS_ACTIVATION = Code("130402", "DCM", "Class activation", f"{_CID} 7180")

PRESENT = Code("52101004", "SCT", "Present", f"{_CID} 240")
ABSENT = Code("272519000", "SCT", "Absent", f"{_CID} 240")
INDETERMINATE = Code("82334004", "SCT", "Indeterminate", f"{_CID} 4220", confirm=True)

SUCCEEDED_WITH = Code("111242", "DCM", "All algorithms succeeded; with findings", f"{_CID} 6047")
SUCCEEDED_WITHOUT = Code("111241", "DCM", "All algorithms succeeded; without findings", f"{_CID} 6047")
PARTLY_WITH = Code("111244", "DCM", "Not all algorithms succeeded; with findings", f"{_CID} 6047")
PARTLY_WITHOUT = Code("111243", "DCM", "Not all algorithms succeeded; without findings", f"{_CID} 6047")
NONE_SUCCEEDED = Code("111245", "DCM", "No algorithms succeeded; without findings", f"{_CID} 6047")

COVID_19 = Code("840539006", "SCT", "COVID-19", "SNOMED CT international edition", confirm=True)
LUNG = Code("39607008", "SCT", "Lung", f"{_CID} 4")
CT_CHEST = Code("24627-2", "LN", "CT Chest", f"{_CID} 7000; where the source names no procedure", confirm=True)
XR_CHEST = Code("413815006", "SCT", "Chest imaging", "SNOMED CT; where the source names no procedure", confirm=True)
IMAGING = Code("363679005", "SCT", "Imaging procedure", f"{_CID} 100; any other modality without a procedure")

FLAG = Code("flag", PRIVATE_SCHEME, "Reason to check this answer", "edge-run")

FINDINGS = {"covid": (COVID_19, LUNG)}
"""Labels of bundles for which there is a standard code of the finding and its site."""

PROCEDURES = {"CT": CT_CHEST, "CR": XR_CHEST, "DX": XR_CHEST}
"""Procedure reported, by modality, where the source has no (0008,1032) Procedure Code Sequence."""

FLAGS = {
    "low-confidence": "The vote is less sure than it should be",
    "members-disagree": "The networks disagree with each other",
    "out-of-distribution": "The image is unlike the training images",
    "too-small": "The image is too small",
    "blank": "The image is blank",
    "clipped": "Much of the image is black or white",
    "mostly-border": "Most of the image is empty border",
    "inverted": "The image seems to be inverted",
    "localizer": "The image is an overview, not a slice",
    "other-modality": "The bundle was trained on another modality",
    "other-plane": "The bundle was trained on axial slices",
    "no-sound-slice": "Every slice has a flag on the image itself",
    "few-slices": "The series has very few slices",
    "doubtful-slices": "Slices that decided are flagged",
    "unreadable-slices": "Slices could not be read",
    "uid-conflict": "Two different images have one SOP Instance UID",
    "series-keeps-changing": "Images keep arriving after each answer",
}
"""Meanings of the flags that have been coded; another flag has its name as its meaning."""


def finding_code(label: str) -> Code:
    """Return the code of a bundle's positive label: the standard's where the table has one, else a private one."""
    known = FINDINGS.get(label)
    name = short_text(label) or "finding"
    return known[0] if known else Code(name, PRIVATE_SCHEME, name, "a label of the bundle")


def site_code(label: str) -> Code | None:
    """Return where the finding is, if the table says."""
    known = FINDINGS.get(label)
    return known[1] if known else None


def flag_code(name: str) -> Code:
    """Return the private code of a flag."""
    plain = short_text(name) or "flag-without-name"
    return Code(plain, PRIVATE_SCHEME, FLAGS.get(name, plain), "edge-run")


def table() -> list[Code]:
    """List every code that objects can contain, except labels of bundles without a standard code."""
    fixed = [value for value in globals().values() if isinstance(value, Code)]
    return fixed + [flag_code(name) for name in FLAGS]
