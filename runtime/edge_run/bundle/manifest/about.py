"""What the bundle is for, where it comes from, and what it was measured to do."""

from __future__ import annotations

from .files import File, ManifestPart


class Reference(ManifestPart, frozen=True):
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


class Card(ManifestPart, frozen=True):
    """What the bundle is for and what it is not."""

    summary: str
    intended_use: str
    limits: tuple[str, ...]
    licence: str
    training_data: tuple[str, ...]


class Provenance(ManifestPart, frozen=True):
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


class Figure(ManifestPart, frozen=True):
    """A figure with its 95 % interval, bootstrapped over groups."""

    value: float | None
    low: float | None
    high: float | None


class Evaluation(ManifestPart, frozen=True):
    """Figures of one classifier on one split."""

    split: str
    scans: int
    figures: dict[str, Figure]
