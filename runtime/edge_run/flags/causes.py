"""What usually causes a flag, in words for a radiologist."""

from __future__ import annotations

CAUSES = {
    "low-confidence": "signs of several classes or of none, or a scan that differs a little from the training scans.",
    "members-disagree": "early or atypical findings, an artefact, or a scan that differs from the training scans.",
    "out-of-distribution": "another scanner or protocol, another part of the body, contrast agent, or a rare anatomy.",
    "too-small": "a thumbnail, a preview or a cropped screenshot instead of the original image.",
    "blank": "a failed export, a wrong display window, or a slice outside the body.",
    "clipped": "a wrong display window, or an image that was exported with too much contrast.",
    "mostly-border": "a screenshot with wide margins, a small field of view, or a collimated image.",
    "inverted": "an image that was exported with black and white exchanged (MONOCHROME1).",
    "turned": "an image that was saved on its side or upside down, or an unusual position of the patient.",
    "other-modality": "a scan of another modality than the one that the bundle was trained on.",
    "localizer": "an overview image of the series, which is not meant for diagnosis.",
}


def cause_of(name: str) -> str:
    """Return the usual cause of a flag; empty where none is known."""
    return CAUSES.get(name, "")
