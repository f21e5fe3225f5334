"""What the node answers about a series, and what proves that it did: plain values without DICOM."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.ensemble.series import SeriesPrediction
    from edge_run.heatmap import Maps
    from edge_run.voting.prediction import Flag


class Finding(Enum):
    """Whether the finding is there; a series that nobody can answer is indeterminate, never absent."""

    PRESENT = "present"
    ABSENT = "absent"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, eq=False)
class DecidingSlice:
    """A slice that decided, and where in it the members saw evidence.

    Attributes
    ----------
    instance_uid
        SOP Instance UID of the source image.
    probability
        Calibrated probability of the finding in this slice alone.
    pixels
        ``[H, W] uint8``: the slice as it was read.
    maps
        The heatmap of the vote; None where it could not be computed.
    frame
        From 1, in an object of several frames; else None.
    """

    instance_uid: str
    probability: float
    pixels: NDArray[np.uint8]
    maps: Maps | None
    frame: int | None = None


@dataclass(frozen=True, eq=False)
class SeriesAnswer:
    """The answer to one series: positive, negative, abstaining or failed.

    Attributes
    ----------
    finding
        What the report says; :func:`finding_of` is the rule.
    positive
        The label that is the finding, ``covid``.
    label
        The answer of the vote, also where it abstains; None where the series failed.
    probability
        Of the finding, not of ``label``; None where the series failed.
    interval
        Bounds of ``probability`` had all members answered; None where all did.
    flags
        Reasons for a person to look.
    failure
        Why there is no answer, as a sentence without patient data; empty where there is one.
    deciding
        The slices that decided, the most positive first.
    slices, unreadable
        How many slices were answered, and how many could not be read.
    decided
        How many slices decided, where ``deciding`` has only the first of them; 0: as many as ``deciding`` has.
    version
        1 for the first answer to the series, one more for each that supersedes it.
    """

    finding: Finding
    positive: str
    label: str | None
    probability: float | None
    interval: tuple[float, float] | None = None
    flags: tuple[Flag, ...] = ()
    failure: str = ""
    deciding: tuple[DecidingSlice, ...] = ()
    slices: int = 0
    unreadable: int = 0
    version: int = 1
    decided: int = 0

    @classmethod
    def failed(cls, positive: str, reason: str, *, unreadable: int = 0, version: int = 1) -> SeriesAnswer:
        """Return the answer to a series that could not be answered, and why."""
        return cls(Finding.INDETERMINATE, positive, None, None, failure=reason, unreadable=unreadable, version=version)


@dataclass(frozen=True)
class Proof:
    """What ties an answer to the software and to its entry in the case log.

    Attributes
    ----------
    bundle, bundle_sha256
        Name of the bundle, and hash of its manifest.
    case
        Id of the series' entry in the case log; empty where there is no log.
    chain_head
        Hash of that entry: the head of the chain when the answer was logged, 64 hexadecimal digits.
    answered_at
        When, as the case log writes it: ``2026-07-29T14:00:00.000Z``. Every date in the objects comes from it, so that
        objects that are made again are the same to the byte.
    precision, backend, version
        Of the compiled networks, what ran them, and of edge-run.
    parent_sha256
        Hash of the bundle that this one was recalibrated from; empty where it was not.
    intended_use
        The notice of the bundle's card, which every object shows.
    """

    bundle: str
    bundle_sha256: str
    case: str
    chain_head: str
    answered_at: str
    precision: str = ""
    backend: str = ""
    version: str = ""
    intended_use: str = "Research only, not for diagnosis."
    parent_sha256: str = ""


@dataclass(frozen=True)
class ResultOptions:
    """What is made beside the report and the picture, and how the report is written.

    Attributes
    ----------
    image_library
        Geometry of the deciding slices in the report (TID 1600), for programs; people have to scroll past it.
    key_objects
        A Key Object Selection of the deciding slices.
    presentation_state
        A Grayscale Softcopy Presentation State of the deciding slices: outlines and one line of text, no VOI LUT.
    parametric_map
        A Parametric Map of the deciding slices, where the source has a frame of reference.
    certainty
        Report (111012, DCM, Certainty of Finding) in percent, as CAD templates do, instead of a probability.
    """

    image_library: bool = False
    key_objects: bool = False
    presentation_state: bool = False
    parametric_map: bool = False
    certainty: bool = False


def finding_of(prediction: SeriesPrediction, positive: str, doubtful: int) -> Finding:
    """Decide what a report says of an answer.

    It is indeterminate where no slice is sound (flag ``no-sound-slice``) or where every slice that decided has a flag;
    else present or absent by the vote.

    Parameters
    ----------
    positive
        The label that is the finding.
    doubtful
        How many of the slices that decided have a flag.
    """
    if any(flag.name == "no-sound-slice" for flag in prediction.flags) or doubtful >= len(prediction.deciding):
        return Finding.INDETERMINATE
    return Finding.PRESENT if prediction.label == positive else Finding.ABSENT
