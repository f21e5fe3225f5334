"""The report: one Comprehensive 3D SR of template TID 1500 (PS3.16), which says the answer in codes and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    FindingSite,
    LanguageOfContentItemAndDescendants,
    Measurement,
    MeasurementProperties,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    TextContentItem,
    TrackingIdentifier,
)
from highdicom.sr.templates import ImageLibraryEntryDescriptors
from pydicom.dataset import Dataset

from . import codes, wording
from .answer import Finding
from .context import MANUFACTURER, Context, Kind
from .observer import observer
from .plain import ascii_only
from .uids import derived_uid

if TYPE_CHECKING:
    from collections.abc import Sequence

_VALUES = {
    Finding.PRESENT: codes.PRESENT,
    Finding.ABSENT: codes.ABSENT,
    Finding.INDETERMINATE: codes.INDETERMINATE,
}


def report(context: Context) -> Dataset:
    """Write the report about a series."""
    images = context.images()
    deciding = [(image, one.frame) for image, one in context.deciding_images()]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer(context)),
        procedure_reported=_procedures(context),
        title=codes.TITLE.concept(),
        language_of_content_item_and_descendants=LanguageOfContentItemAndDescendants(
            CodedConcept("en-US", "RFC5646", "English (United States)")
        ),
        referenced_images=_library(context, deciding),
        imaging_measurements=[_group(context, deciding)],
    )
    _separate(content)
    made = Comprehensive3DSR(
        evidence=images,
        content=content,
        is_complete=True,
        is_final=False,
        is_verified=False,
        coding_schemes=[
            CodingSchemeIdentificationItem(
                codes.PRIVATE_SCHEME, name="edge-run flags and labels", responsible_organization=MANUFACTURER
            )
        ],
        previous_versions=_previous(context),
        **context.common(Kind.REPORT),
    )
    made.CompletionFlagDescription = "Research use"
    return context.finish(made, f"edge-run report {context.bundle} (research)")


def _separate(items: Sequence[Dataset]) -> None:
    """Let readers write one item below the other, each with its name, instead of as running text."""
    for item in items:
        if "ContinuityOfContent" in item:
            item.ContinuityOfContent = "SEPARATE"
            _separate(item.get("ContentSequence") or ())


def _procedures(context: Context) -> list[CodedConcept]:
    """Return the procedures that the images are of (IHE AIR: not the algorithm)."""
    found = []
    for item in context.source.first.get("ProcedureCodeSequence") or ():
        value, scheme, meaning = (
            str(item.get(keyword) or "") for keyword in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
        )
        if value and scheme and meaning and max(len(value), len(scheme)) <= 16:
            found.append(CodedConcept(value, scheme, meaning[: codes.MAX_MEANING], item.get("CodingSchemeVersion")))
    return found or [codes.PROCEDURES.get(context.source.modality, codes.IMAGING).concept()]


def _group(context: Context, deciding: Sequence[tuple[Dataset, int | None]]) -> MeasurementsAndQualitativeEvaluations:
    answer = context.answer
    finding, site = codes.finding_code(answer.positive), codes.site_code(answer.positive)
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=derived_uid("tracking", context.proof.bundle_sha256, context.source.uid),
            identifier=f"edge-run {ascii_only(answer.positive, 48)}",
        ),
        finding_type=finding.concept(),
        finding_sites=[FindingSite(site.concept())] if site else None,
        algorithm_id=_algorithm(context),
        measurements=_probability(context),
        qualitative_evaluations=[
            QualitativeEvaluation(finding.concept(), _VALUES[answer.finding].concept()),
            QualitativeEvaluation(codes.SUMMARY.concept(), _summary(context).concept()),
            *(
                QualitativeEvaluation(codes.FLAG.concept(), codes.flag_code(flag.name).concept())
                for flag in answer.flags
            ),
        ],
        source_images=[
            SourceImageForMeasurementGroup(image.SOPClassUID, image.SOPInstanceUID, None if frame is None else [frame])
            for image, frame in deciding
        ],
    )
    group[0].ContentSequence.extend(
        TextContentItem(codes.COMMENT.concept(), ascii_only(said), RelationshipTypeValues.CONTAINS)
        for said in _comments(context)
    )
    return group


def _comments(context: Context) -> list[str]:
    answer = context.answer
    said = [f"{wording.headline(answer)}. {wording.STATUS}", *wording.reasons(answer)]
    if answer.probability is not None:
        said.append(f"{wording.probability(answer)}. {wording.NOT_CALIBRATED}")
    said += [wording.basis(answer), wording.version(context), context.proof.intended_use]
    return [one for one in said if one]


def _algorithm(context: Context) -> AlgorithmIdentification:
    proof = context.proof
    known = {
        "bundle sha256": proof.bundle_sha256,
        "parent sha256": proof.parent_sha256,
        "precision": proof.precision,
        "backend": proof.backend,
        "early exit": "no" if context.answer.interval is None else "yes",
        "case": proof.case,
        "chain head": proof.chain_head,
        "answer version": str(context.answer.version),
    }
    return AlgorithmIdentification(
        name=ascii_only(proof.bundle),
        version=proof.version or "unknown",
        manufacturer=MANUFACTURER,
        family=codes.FAMILY.concept(),
        parameters=[ascii_only(f"{name}: {value}") for name, value in known.items() if value],
    )


def _probability(context: Context) -> list[Measurement] | None:
    answer = context.answer
    if answer.probability is None:
        return None
    percent = context.options.certainty
    name, unit = (codes.CERTAINTY, codes.PERCENT) if percent else (codes.PROBABILITY, codes.NO_UNITS)
    scale = 100.0 if percent else 1.0
    properties = None
    if answer.interval is not None:
        low, high = answer.interval
        properties = MeasurementProperties(
            upper_measurement_uncertainty=scale * (high - answer.probability),
            lower_measurement_uncertainty=scale * (answer.probability - low),
        )
    measured = Measurement(name.concept(), scale * answer.probability, unit.concept(), properties=properties)
    _shorten(measured)
    return [measured]


def _shorten(items: Sequence[Dataset]) -> None:
    """Write four decimals for people; the exact number stays beside them as (0040,A161) Floating Point Value."""
    for item in items:
        for value in item.get("MeasuredValueSequence") or ():
            value.NumericValue = f"{value.FloatingPointValue:.4f}"
        _shorten(item.get("ContentSequence") or ())


def _summary(context: Context) -> codes.Code:
    """Say whether the networks ran on all slices, and found something (CID 6047)."""
    answer = context.answer
    if answer.failure:
        return codes.NONE_SUCCEEDED
    found = answer.finding is Finding.PRESENT
    if answer.unreadable or answer.finding is Finding.INDETERMINATE:
        return codes.PARTLY_WITH if found else codes.PARTLY_WITHOUT
    return codes.SUCCEEDED_WITH if found else codes.SUCCEEDED_WITHOUT


def _library(context: Context, deciding: Sequence[tuple[Dataset, int | None]]) -> list[Dataset]:
    """Choose the images of the image library (TID 1600), which is optional.

    Each has up to 17 items of geometry, which a reader that shows reports as text shows above the answer.
    """
    images = {str(image.SOPInstanceUID): image for image, _ in deciding if _describable(image)}
    return list(images.values()) if context.options.image_library else []


def _describable(image: Dataset) -> bool:
    """Whether an image has the geometry that the image library's entry (TID 1602) needs."""
    try:
        ImageLibraryEntryDescriptors(image)
    except Exception:  # noqa: BLE001 - highdicom raises whatever an incomplete header leads to
        return False
    return True


def _previous(context: Context) -> list[Dataset] | None:
    if context.supersedes is None:
        return None
    former = Dataset()
    former.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.34"
    former.SOPInstanceUID = context.supersedes
    former.StudyInstanceUID = context.source.first.StudyInstanceUID
    former.SeriesInstanceUID = context.series_uid(Kind.REPORT)
    return [former]
