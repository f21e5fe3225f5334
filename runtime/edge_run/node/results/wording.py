"""The answer in words that the report, the picture and the presentation states share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import codes
from .answer import Finding

if TYPE_CHECKING:
    from .answer import Proof, SeriesAnswer
    from .context import Context

STATUS = "PRELIMINARY and UNVERIFIED: no person has checked this answer."
NOT_CALIBRATED = "It is the mean over the slices that decided, and is not calibrated for whole series."


def headline(answer: SeriesAnswer) -> str:
    """Write the finding: ``COVID-19: PRESENT``."""
    name = codes.finding_code(answer.positive).meaning
    if answer.failure:
        return f"NO ANSWER about {name}"
    return f"{name}: {answer.finding.name}"


def subject(context: Context) -> str:
    """Write which series the answer is about."""
    first = context.source.first
    number, modality = str(first.get("SeriesNumber") or "").strip(), context.source.modality
    images = len(context.source.images)
    named = " ".join(
        part for part in (f"series {number}" if number else "a series", modality and f"({modality})") if part
    )
    return f"{named}, {images} {plural(images, 'image')}"


def reasons(answer: SeriesAnswer) -> list[str]:
    """Write why there is no answer, or why it is indeterminate, and every flag."""
    said = []
    if answer.failure:
        said.append(f"The series could not be answered: {answer.failure}")
    elif answer.finding is Finding.INDETERMINATE:
        said.append("The answer abstains: no slice that decided is free of flags. Read the images without it.")
    said += [f"Flag {flag.name}: {flag.reason}." for flag in answer.flags]
    return said


def probability(answer: SeriesAnswer) -> str:
    """Write the probability of the finding, or its bounds; empty where there is none."""
    if answer.probability is None:
        return ""
    name = codes.finding_code(answer.positive).meaning
    if answer.interval is None:
        return f"Probability of {name}: {answer.probability:.1%}"
    low, high = answer.interval
    return f"Probability of {name}: between {low:.1%} and {high:.1%}"


def basis(answer: SeriesAnswer) -> str:
    """Write how many slices were answered and how many of them decided."""
    deciding = answer.decided or len(answer.deciding)
    text = f"{answer.slices} {plural(answer.slices, 'slice')} answered"
    if deciding:
        text += f", of which {deciding} decided"
    if answer.unreadable:
        text += f"; {answer.unreadable} could not be read"
    return f"{text}."


def version(context: Context) -> str:
    """Write which version of the answer this is; empty for the first."""
    number = context.answer.version
    if number == 1:
        return ""
    return f"Version {number}: it supersedes the earlier answer, because more images of the series arrived."


def provenance(proof: Proof) -> list[str]:
    """Write which software answered, and where the answer stands in the case log."""
    software = f"edge-run {proof.version}".strip()
    runs = ", ".join(part for part in (proof.precision, proof.backend) if part)
    parent = f", recalibrated from {proof.parent_sha256}" if proof.parent_sha256 else ""
    lines = [f"{software}, bundle {proof.bundle}{f' ({runs})' if runs else ''}, sha256 {proof.bundle_sha256}{parent}"]
    if proof.case:
        lines.append(f"case {proof.case}, chain head {proof.chain_head}")
    return lines


def slice_caption(image: Any, frame: int | None, probability: float) -> str:  # noqa: ANN401 - a pydicom Dataset
    """Write which slice this is, and what it alone says."""
    number = str(image.get("InstanceNumber") or "?") if image is not None else "?"
    where = f"image {number}" + (f", frame {frame}" if frame else "")
    return f"{where}: {probability:.1%}"


def plural(count: int, word: str) -> str:
    """Return the word, with an s unless there is one."""
    return word if count == 1 else f"{word}s"
