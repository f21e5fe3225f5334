"""What the objects of the node contain: attributes, templates and codes."""

from __future__ import annotations

from edge_run.node.results import codes
from edge_run.node.results.sources import PATIENT, STUDY, TEXT

from .attributes import COMMON, OBJECTS
from .tables import table

_TEMPLATES = (
    ("1500", "Measurement Report", "report", "root; title Imaging Measurement Report"),
    ("1204", "Language of Content Item and Descendants", "report", "en-US"),
    ("1001, 1002, 1004", "Observation Context, Device Observer", "report, key objects", "the bundle is the observer"),
    ("1600 to 1604", "Image Library", "report", "only where `image_library` is set: the slices that decided"),
    ("1501", "Measurement and Qualitative Evaluation Group", "report", "one group; comments are an extension"),
    ("4108", "Tracking Identifier", "report", "the same for all versions of an answer"),
    ("4019", "Algorithm Identification", "report", "bundle, SHA-256, precision, case id, chain head"),
    ("300, 310", "Measurement, Measurement Properties", "report", "probability; bounds after an early exit"),
    ("2010", "Key Object Selection", "key objects", "Of Interest"),
)


def inherited() -> str:
    """List what is copied from the source."""
    rows = [
        ("Patient", ", ".join(PATIENT)),
        ("Study", ", ".join(STUDY)),
        ("Text and time", ", ".join(TEXT)),
    ]
    return table(("entity", "attributes, as they stand in the source"), rows)


def attributes() -> str:
    """List the attributes of each object."""
    parts = [f"In every object:\n\n{_attributes(COMMON)}"]
    for name, found in OBJECTS.items():
        parts.append(f"#### {name}\n\n{_attributes(found)}")
    return "\n\n".join(parts)


def templates() -> str:
    """List the templates of PS3.16 that are used."""
    return table(("TID", "template", "in", "remark"), _TEMPLATES)


def coded() -> str:
    """List the codes."""
    rows = [
        (one.value, one.scheme, one.meaning, one.source, "**to be confirmed**" if one.confirm else "")
        for one in codes.table()
    ]
    return table(("code", "scheme", "meaning", "source", "by a DICOM reader"), rows)


def _attributes(found: dict[str, str]) -> str:
    return table(("attribute", "tag", "value"), [(name, _tag(name), said) for name, said in sorted(found.items())])


def _tag(keyword: str) -> str:
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
