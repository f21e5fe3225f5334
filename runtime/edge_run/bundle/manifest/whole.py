"""All of ``bundle.json``."""

from __future__ import annotations

from edge_run.scan.preprocessing import PreprocessSpec

from .about import Card, Evaluation, Provenance, Reference
from .files import ROUNDING, File, ManifestPart, is_share
from .flags import FlagThresholds, Profile
from .members import BundleMember, Parity
from .recalibration import Recalibration

SCHEMA_VERSION = 2


class Task(ManifestPart, frozen=True):
    """What is asked of a scan.

    Attributes
    ----------
    modality
        ``CT``, ``CR``: DICOM's defined terms.
    labels
        Class names in the order of the logits.
    positive
        The label that sensitivity speaks of.
    threshold
        Two classes: the answer is ``positive`` from this probability on. None: the most probable class.
    """

    modality: str
    labels: tuple[str, ...]
    positive: str
    threshold: float | None

    def __post_init__(self) -> None:
        if len(set(self.labels)) != len(self.labels) or len(self.labels) < 2 or self.positive not in self.labels:
            raise ValueError("labels must be at least two, distinct, and hold the positive class")
        if self.threshold is not None and not is_share(self.threshold):
            raise ValueError(f"threshold {self.threshold} is no probability")


class Manifest(ManifestPart, frozen=True):
    """All of ``bundle.json``.

    Attributes
    ----------
    schema_version
        Whole number; a bundle of another version is refused.
    name
        Short name, as results carry it.
    stages
        Networks in the order in which they answer when they may stop early; those of the first stage always answer.
    flags
        By precision.
    parity
        The vote held against the vote of the originals, by precision; differences in logits are the members' largest.
    evaluation
        The vote's figures, by precision.
    profile
        Of the validation scans, by precision.
    border_only
        The figures of the vote as it was exported on scans of which all but the border is black: near chance where the
        networks do not go by frames and burnt-in text. None: not measured.
    recalibration
        None: the bundle is as it was exported. Else temperatures, weights, operating point, flags, evaluation and
        profile are from the cases of a log; parity and provenance speak of the export that made the networks.
    """

    schema_version: int
    name: str
    task: Task
    preprocess: PreprocessSpec
    members: tuple[BundleMember, ...]
    stages: tuple[tuple[str, ...], ...]
    flags: dict[str, FlagThresholds]
    reference: Reference
    parity: dict[str, Parity]
    evaluation: dict[str, Evaluation]
    profile: dict[str, Profile]
    card: Card
    provenance: Provenance
    border_only: Evaluation | None = None
    recalibration: Recalibration | None = None

    def __post_init__(self) -> None:
        ids = [member.id for member in self.members]
        if not ids or len(set(ids)) != len(ids):
            raise ValueError("members must be at least one, and distinct")
        weights = [member.weight for member in self.members]
        if min(weights) < 0 or abs(sum(weights) - 1) > ROUNDING:
            raise ValueError(f"voting weights {weights} are not shares of 1")
        for member in self.members:
            if set(member.artefacts) != set(self.members[0].artefacts):
                raise ValueError("members differ in their precisions")
        for member in self.members:
            sources = {one.derived_from for one in member.artefacts.values() if one.derived_from is not None}
            if not all(name in member.artefacts and member.artefacts[name].file for name in sources):
                raise ValueError("an artefact is derived from one that is not stored")
        if not self.precisions or not self.reference.tolerance.keys() >= set(self.precisions):
            raise ValueError("there must be a precision, and a tolerance for each")
        self._check_flags()
        self._check_reference_logits()

    def _check_flags(self) -> None:
        if sorted(id_ for stage in self.stages for id_ in stage) != sorted(m.id for m in self.members):
            raise ValueError("stages do not hold every member once")
        if not all(self.stages) or not set(self.precisions) <= self.flags.keys() & self.profile.keys():
            raise ValueError("there must be no empty stage, and flags and a profile for each precision")
        used = {thresholds.feature_distance.member for thresholds in self.flags.values() if thresholds.feature_distance}
        if not used <= set(self.stages[0]):
            raise ValueError("features are compared of a member that does not always answer")

    def _check_reference_logits(self) -> None:
        answers = [artefact.reference_logits for member in self.members for artefact in member.artefacts.values()]
        widths = {len(row) for rows in answers for row in rows}
        if len({len(rows) for rows in answers}) != 1 or widths != {len(self.task.labels)}:
            raise ValueError("reference logits are not one row per reference scan and one column per label")

    @property
    def files(self) -> tuple[File, ...]:
        """Every file that the bundle stores, each once."""
        found = [self.reference.image, self.reference.scans]
        for member in self.members:
            found += [member.head, *(one.file for one in member.artefacts.values() if one.file)]
        for thresholds in self.flags.values():
            found += [thresholds.feature_distance.statistics] if thresholds.feature_distance else []
            found += [thresholds.typical] if thresholds.typical else []
            found += [thresholds.orientation.models] if thresholds.orientation else []
        return tuple({file.path: file for file in found}.values())

    @property
    def stored_precisions(self) -> tuple[str, ...]:
        """The precisions whose artefacts are files of the bundle; the others are derived from them."""
        artefacts = [member.artefacts for member in self.members]
        return tuple(p for p in self.precisions if all(by_precision[p].file for by_precision in artefacts))

    @property
    def precisions(self) -> tuple[str, ...]:
        """What every member has an artefact for, in the order written."""
        return tuple(self.members[0].artefacts)

    @property
    def heaviest_first(self) -> tuple[int, ...]:
        """Places of the members, those with the most multiply-adds first: the order in which they load and begin."""
        return tuple(sorted(range(len(self.members)), key=lambda m: -self.members[m].macs))
