"""What a prediction says."""

from __future__ import annotations

import msgspec


class MemberVote(msgspec.Struct, frozen=True):
    """What one member answered.

    Attributes
    ----------
    id, arch
        The member's name in its bundle, and its network: two seeds of one network may vote together.
    weight
        Its share of the vote.
    probabilities
        Calibrated, by label.
    logits
        Before calibration, in the order of the labels.
    """

    id: str
    arch: str
    weight: float
    probabilities: dict[str, float]
    logits: tuple[float, ...]


class Flag(msgspec.Struct, frozen=True):
    """A reason for a person to look, as a name for programs and a sentence for people."""

    name: str
    reason: str


class Decision(msgspec.Struct, frozen=True):
    """The vote's answer to one scan.

    Attributes
    ----------
    label
        What is given out.
    probability
        Of ``label``, calibrated. Where not all members answered: of those that did.
    probabilities
        Of every label.
    interval
        Bounds of what ``probability`` would be had all members answered; None when all did.
    flags
        Reasons for a person to look; empty where there are none.
    members
        What each member said, of those that answered.
    measures
        What flags and drift are judged by: ``score`` (probability of the positive class), ``confidence`` (the largest
        probability), ``disagreement`` (Jensen-Shannon divergence of the members that always answer, bits),
        ``distance`` (from the training scans' features), each where there is one.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    interval: tuple[float, float] | None
    flags: tuple[Flag, ...]
    members: tuple[MemberVote, ...]
    measures: dict[str, float]


class SkippedBackend(msgspec.Struct, frozen=True):
    """A backend that would have come first and could not be taken, and why."""

    backend: str
    reason: str


class Source(msgspec.Struct, frozen=True):
    """Which software answered.

    Attributes
    ----------
    bundle, bundle_sha256
        Name, and hash of its manifest, which holds the hash of everything else.
    skipped_backends
        Backends that ``auto`` went past before it took ``backend``, as far as somebody may have counted on them: what
        is installed and does not work; with an NVIDIA GPU at hand and an answer from the CPU, all that would use it.
    """

    bundle: str
    bundle_sha256: str
    precision: str
    backend: str
    version: str
    skipped_backends: tuple[SkippedBackend, ...] = ()


class Prediction(msgspec.Struct, frozen=True):
    """A decision and where it comes from.

    Attributes
    ----------
    path
        The input's name; empty for arrays.
    scan_sha256
        Of the encoded bytes.
    steps
        What was done to the scan before the networks saw it.
    timing_ms
        ``read`` (decoding), ``infer`` (preprocessing, networks and vote), milliseconds.
    """

    path: str
    decision: Decision
    source: Source
    scan_sha256: str
    steps: tuple[str, ...]
    timing_ms: dict[str, float]
