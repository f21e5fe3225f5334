"""What all objects of one answer share: patient and study of the source, equipment, numbers, UIDs and times."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any

from .plain import short_text
from .sources import INHERITED
from .uids import IMPLEMENTATION_CLASS_UID, derived_uid, implementation_version

if TYPE_CHECKING:
    from pydicom import Dataset

    from .answer import DecidingSlice, Proof, ResultOptions, SeriesAnswer
    from .sources import SourceSeries

MANUFACTURER = "edge-run"
"""(0008,0070) of everything that edge-run makes."""
_TIME = re.compile(r"([01]\d|2[0-3])[0-5]\d[0-5]\d(\.\d{1,6})?")


class Kind(Enum):
    """The kinds of objects; the value is what is added to a hundred times the source's series number."""

    REPORT = 91
    PICTURE = 92
    KEY_OBJECTS = 93
    PRESENTATION_STATE = 94
    PARAMETRIC_MAP = 95


@dataclass(frozen=True, eq=False)
class Context:
    """One answer, the series that it is about, and what every object of it needs.

    Attributes
    ----------
    supersedes
        SOP Instance UID of the report that this one supersedes; None where there is none.
    """

    source: SourceSeries
    answer: SeriesAnswer
    proof: Proof
    options: ResultOptions
    supersedes: str | None = None

    def series_uid(self, kind: Kind) -> str:
        """Series of all versions of one kind of object about one source series."""
        return derived_uid("series", self.proof.bundle_sha256, self.source.uid, kind.name)

    def instance_uid(self, kind: Kind, part: int = 1) -> str:
        """UID of an object: the same for the same files, bundle and version of the answer."""
        return derived_uid(
            "instance",
            self.proof.bundle_sha256,
            self.source.uid,
            *self.source.sha256,
            kind.name,
            str(part),
            str(self.answer.version),
        )

    @property
    def device_uid(self) -> str:
        """UID of the observer: the bundle."""
        return derived_uid("device", self.proof.bundle_sha256)

    @property
    def answered(self) -> datetime:
        """When the series was answered, in the time zone of the source's own times, else in this machine's."""
        moment = datetime.fromisoformat(self.proof.answered_at.replace("Z", "+00:00"))
        return moment.astimezone(_zone(str(self.source.first.get("TimezoneOffsetFromUTC") or "")))

    def series_number(self, kind: Kind) -> int:
        """Number that sorts behind the source's series and tells which one it is about."""
        given = str(self.source.first.get("SeriesNumber") or "")
        number = int(given) if re.fullmatch(r"\d{1,7}", given.strip()) else 0
        return number * 100 + kind.value

    @property
    def bundle(self) -> str:
        """The bundle's name as an element of VR LO can hold it."""
        return short_text(self.proof.bundle)

    def common(self, kind: Kind, part: int = 1) -> dict[str, Any]:
        """Return the arguments that the constructors of highdicom share."""
        return {
            "series_instance_uid": self.series_uid(kind),
            "series_number": self.series_number(kind),
            "sop_instance_uid": self.instance_uid(kind, part),
            "instance_number": self.answer.version * 100 + part - 100,
            "manufacturer": MANUFACTURER,
            "manufacturer_model_name": self.bundle,
            "software_versions": short_text(self.proof.version) or "unknown",
            "device_serial_number": self.proof.bundle_sha256[:64],
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
        }

    def images(self) -> list[Dataset]:
        """Return the source's images; the first, whose patient and study highdicom reads, as highdicom takes it."""
        return [sound(self.source.first), *self.source.images[1:]]

    def deciding_images(self) -> list[tuple[Dataset, DecidingSlice]]:
        """Return the slices that decided with their images, without slices that are of no image of the source."""
        found = ((self.source.image(one.instance_uid), one) for one in self.answer.deciding)
        return [(sound(image), one) for image, one in found if image is not None]

    def finish(self, dataset: Dataset, description: str) -> Dataset:
        """Make an object final: the source's patient and study as they stand there, and nothing of this moment.

        Parameters
        ----------
        description
            Of its series, at most 64 characters.
        """
        source = self.source.first
        for keyword in INHERITED:
            if keyword in source:
                dataset[keyword] = deepcopy(source[keyword])
        if dataset.Modality not in ("SR", "KO"):
            _place_in_body(dataset, source)
        dataset.SeriesDescription = description[:64]
        at = self.answered
        for element in ("InstanceCreation", "Content", "Series", "Acquisition", "PresentationCreation"):
            if f"{element}Date" in dataset or element == "Series":
                setattr(dataset, f"{element}Date", at.strftime("%Y%m%d"))
                setattr(dataset, f"{element}Time", at.strftime("%H%M%S"))
        for item in dataset.get("ContributingEquipmentSequence") or ():
            item.pop("ContributionDateTime", None)
        dataset.InstanceCreatorUID = IMPLEMENTATION_CLASS_UID
        from pydicom.uid import UID

        meta = dataset.file_meta
        meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
        meta.ImplementationVersionName = implementation_version()
        return dataset


def _place_in_body(dataset: Dataset, source: Dataset) -> None:
    """Copy the body part; without it an image needs (0020,0060) Laterality, which may be empty (PS3.3 C.7.3.1)."""
    for keyword in ("BodyPartExamined", "Laterality"):
        if keyword in source:
            dataset[keyword] = deepcopy(source[keyword])
    if "BodyPartExamined" not in dataset and "Laterality" not in dataset:
        dataset.Laterality = None


def sound(image: Dataset) -> Dataset:
    """Copy a header with what highdicom needs, and without values that it refuses: they are copied afterwards."""
    copy = deepcopy(image)
    if str(copy.get("PatientSex") or "") not in ("M", "F", "O"):
        copy.PatientSex = ""
    for keyword in ("PatientBirthDate", "StudyDate"):
        if not _is_date(str(copy.get(keyword) or "")):
            setattr(copy, keyword, "")
    if not _TIME.fullmatch(str(copy.get("StudyTime") or "")):
        copy.StudyTime = ""
    for keyword in ("PatientName", "ReferringPhysicianName"):
        setattr(copy, keyword, "")
    for keyword in ("PatientID", "AccessionNumber", "StudyID"):
        if keyword not in copy:
            setattr(copy, keyword, "")
    for keyword in ("SpecificCharacterSet", "TimezoneOffsetFromUTC"):
        if keyword in copy:
            delattr(copy, keyword)
    return copy


def _is_date(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 - a date alone
    except ValueError:
        return False
    return len(text) == 8


def _zone(offset: str) -> tzinfo | None:
    """Read (0008,0201), ``+0100``; None, this machine's, where it says nothing sound."""
    found = re.fullmatch(r"([+-])(\d{2})(\d{2})", offset.strip())
    if not found or int(found[2]) > 14 or int(found[3]) > 59:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
