"""``bundle.json``: the bundle's contents, typed.

``docs/bundle.md`` explains them and ``docs/bundle.schema.json`` is their JSON schema. The schema is
generated from these types, and a test holds the two together.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

from .preprocessing import PreprocessSpec

SCHEMA_VERSION = 1
MAX_FILE_BYTES = 2 * 2**30
MIN_TEMPERATURE = 1e-3
ROUNDING = 1e-6
_HEX = re.compile(r"[0-9a-f]{64}")


def _is_share(value: float) -> bool:
    return 0 <= value <= 1 + ROUNDING


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class File(_Record, frozen=True):
    """A file of the bundle.

    Attributes
    ----------
    path
        Relative, forward slashes, inside the bundle.
    sha256
        Hex digest of the whole file, checked each time it is read.
    bytes
        Its exact size; nothing longer is ever read.
    """

    path: str
    sha256: str
    bytes: int

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or self.path.startswith("/") or ".." in parts or set("\\:").intersection(self.path):
            raise ValueError(f"path {self.path!r} leaves the bundle")
        if not self.path.isprintable():
            raise ValueError(f"path {self.path!r} holds a control character")
        if not _HEX.fullmatch(self.sha256):
            raise ValueError(f"sha256 of {self.path!r} is not 64 hex digits")
        if not 0 <= self.bytes <= MAX_FILE_BYTES:
            raise ValueError(f"{self.path!r} claims {self.bytes} bytes, the limit is {MAX_FILE_BYTES}")


class Parity(_Record, frozen=True):
    """A compiled artefact held against the PyTorch original on the same scans.

    Attributes
    ----------
    split, scans
        Which scans, and how many.
    max_abs_logit, max_abs_probability
        Largest difference over all scans and classes.
    flips
        Scans whose label differs.
    accuracy, sensitivity, auroc
        Of the artefact, sensitivity at the operating point; ``reference_*`` of the original.
    """

    split: str
    scans: int
    max_abs_logit: float
    max_abs_probability: float
    flips: int
    accuracy: float
    reference_accuracy: float
    sensitivity: float
    reference_sensitivity: float
    auroc: float
    reference_auroc: float


class Quantisation(_Record, frozen=True):
    """How an artefact came to eight bits.

    Attributes
    ----------
    method
        How the calibration scans set the tensors' ranges: ``minmax``, ``percentile``, ``entropy``.
    float_layers
        Convolutions that were left in float, because the artefact would not decide as its original does.
    """

    method: str
    float_layers: tuple[str, ...]


class Artefact(_Record, frozen=True):
    """One compiled network at one precision.

    Attributes
    ----------
    file
        The ONNX file.
    temperature
        Divides this artefact's logits; fitted on validation after quantisation.
    parity
        Against the original.
    reference_logits
        ``[scans, classes]``: what it answered to the reference scans when it was exported.
    quantisation
        None where it is float throughout.
    """

    file: File
    temperature: float
    parity: Parity
    reference_logits: tuple[tuple[float, ...], ...]
    quantisation: Quantisation | None

    def __post_init__(self) -> None:
        if not MIN_TEMPERATURE <= self.temperature <= 1 / MIN_TEMPERATURE:
            raise ValueError(f"temperature {self.temperature} is out of range")


class BundleMember(_Record, frozen=True):
    """One voter.

    Attributes
    ----------
    arch
        Its network.
    weight
        Its share of the vote.
    artefacts
        By precision.
    head
        ``[classes, width] float32`` ``.npy``: the final Linear's weight. ``head[c]`` times ``features`` is the exact
        Grad-CAM of class c.
    macs
        Multiply-adds of one scan.
    """

    arch: str
    weight: float
    artefacts: dict[str, Artefact]
    head: File
    macs: int


class Task(_Record, frozen=True):
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
        if self.threshold is not None and not _is_share(self.threshold):
            raise ValueError(f"threshold {self.threshold} is no probability")


class FlagThresholds(_Record, frozen=True):
    """When an answer is flagged for a person.

    Attributes
    ----------
    low_confidence
        Flagged when the largest probability of the vote is below this.
    flag_rate
        Share of the validation scans that this flags.
    """

    low_confidence: float
    flag_rate: float

    def __post_init__(self) -> None:
        if not (_is_share(self.low_confidence) and _is_share(self.flag_rate)):
            raise ValueError("flag thresholds are shares between 0 and 1")


class Reference(_Record, frozen=True):
    """Drawn scans that ``edge-run verify`` replays.

    Attributes
    ----------
    image
        An encoded image; preprocessed, it is the first of ``scans`` within one grey level.
    scans
        ``[K, 1, size, size] uint8`` ``.npy``.
    tolerance
        Largest accepted difference in any logit, by precision.
    """

    image: File
    scans: File
    tolerance: dict[str, float]


class Card(_Record, frozen=True):
    """What the bundle is for and what it is not."""

    summary: str
    intended_use: str
    limits: tuple[str, ...]
    licence: str
    training_data: tuple[str, ...]


class Provenance(_Record, frozen=True):
    """Where the bundle comes from.

    Attributes
    ----------
    weights
        SHA-256 of the PyTorch original, by network.
    calibration
        SHA-256 of the scans that set the INT8 ranges.
    """

    created: str
    train_command: str
    export_command: str
    data_fingerprint: str
    weights: dict[str, str]
    calibration: tuple[str, ...]
    versions: dict[str, str]


class Figure(_Record, frozen=True):
    """A figure with its 95 % interval, bootstrapped over groups."""

    value: float | None
    low: float | None
    high: float | None


class Evaluation(_Record, frozen=True):
    """Figures of one classifier on one split."""

    split: str
    scans: int
    figures: dict[str, Figure]


class Manifest(_Record, frozen=True):
    """All of ``bundle.json``.

    Attributes
    ----------
    schema_version
        Whole number; a bundle of another version is refused.
    name
        Short name, as results carry it.
    parity
        The vote held against the vote of the originals, by precision; differences in logits are the members' largest.
    evaluation
        The vote's figures, by precision.
    """

    schema_version: int
    name: str
    task: Task
    preprocess: PreprocessSpec
    members: tuple[BundleMember, ...]
    flags: FlagThresholds
    reference: Reference
    parity: dict[str, Parity]
    evaluation: dict[str, Evaluation]
    card: Card
    provenance: Provenance

    def __post_init__(self) -> None:
        archs = [member.arch for member in self.members]
        if not archs or len(set(archs)) != len(archs):
            raise ValueError("members must be at least one, and distinct")
        weights = [member.weight for member in self.members]
        if min(weights) < 0 or abs(sum(weights) - 1) > ROUNDING:
            raise ValueError(f"voting weights {weights} are not shares of 1")
        for member in self.members:
            if set(member.artefacts) != set(self.members[0].artefacts):
                raise ValueError("members differ in their precisions")
        if not self.precisions or not self.reference.tolerance.keys() >= set(self.precisions):
            raise ValueError("there must be a precision, and a tolerance for each")
        self._check_reference_logits()

    def _check_reference_logits(self) -> None:
        answers = [artefact.reference_logits for member in self.members for artefact in member.artefacts.values()]
        widths = {len(row) for rows in answers for row in rows}
        if len({len(rows) for rows in answers}) != 1 or widths != {len(self.task.labels)}:
            raise ValueError("reference logits are not one row per reference scan and one column per label")

    @property
    def precisions(self) -> tuple[str, ...]:
        """What every member has an artefact for, in the order written."""
        return tuple(self.members[0].artefacts)
