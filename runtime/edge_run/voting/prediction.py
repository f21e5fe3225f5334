"""What a prediction says."""

from __future__ import annotations

from typing import Any

import msgspec


class MemberVote(msgspec.Struct, frozen=True):
    """The answer of one member.

    Attributes
    ----------
    id, arch
        The member's name in its bundle, and its network: two seeds of one network may vote together.
    weight
        Its share of the vote.
    label
        What it would answer alone, by the bundle's rule for the vote.
    probability, probabilities
        Calibrated probability of ``label``, and of every label.
    logits
        Before calibration, in the order of the labels.
    """

    id: str
    arch: str
    weight: float
    label: str
    probability: float
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
        The answer.
    probability
        Calibrated probability of ``label``. Where not all members answered, the weighted mean of those that did: it is
        not the probability of the whole vote, which lies in ``interval``.
    probabilities
        Of every label.
    interval
        Bounds of ``probability`` had all members answered; None when all did.
    flags
        Reasons for a person to look; empty where there are none.
    members
        The answers of the members that answered.
    measures
        What flags and drift are judged by: ``score`` (probability of the positive class), ``confidence`` (the largest
        probability), ``disagreement`` (Jensen-Shannon divergence of the members that always answer, bits),
        ``distance`` (from the training scans' features), each where there is one.
    left_out
        Ids of the members that did not need to answer.
    """

    label: str
    probability: float
    probabilities: dict[str, float]
    interval: tuple[float, float] | None
    flags: tuple[Flag, ...]
    members: tuple[MemberVote, ...]
    measures: dict[str, float]
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Return label, probability and the names of the flags."""
        return f"Decision({_summary(self)})"


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
    parent_sha256
        Hash of the bundle that this one was recalibrated from; None where it was not.
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
    parent_sha256: str | None = None


class Prediction(msgspec.Struct, frozen=True):
    """A decision and where it comes from.

    Attributes
    ----------
    path
        The input's name; empty for arrays and bytes.
    decision
        The answer, with every member's.
    source
        Which software answered.
    scan_sha256
        SHA-256 of the encoded bytes, hexadecimal.
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

    @property
    def label(self) -> str:
        """The answer."""
        return self.decision.label

    @property
    def probability(self) -> float:
        """Calibrated probability of ``label``; with early exit, see :class:`Decision`."""
        return self.decision.probability

    @property
    def probabilities(self) -> dict[str, float]:
        """Calibrated probability of every label."""
        return self.decision.probabilities

    @property
    def interval(self) -> tuple[float, float] | None:
        """Bounds of ``probability`` had all members answered; None when all did."""
        return self.decision.interval

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Reasons for a person to look; empty where there are none."""
        return self.decision.flags

    @property
    def members(self) -> tuple[MemberVote, ...]:
        """The answers of the members that answered."""
        return self.decision.members

    def to_dict(self, *, case: str | None = None) -> dict[str, Any]:
        """Return the record that every door gives out: ``edge-run predict --json``, a case, an HTTP response.

        Parameters
        ----------
        case
            Its id in the case log, where it has one.
        """
        # A file name may hold bytes that are no text, which no document in UTF-8 can.
        path = self.path.encode("utf-8", "replace").decode("utf-8")
        record = msgspec.json.decode(msgspec.json.encode(msgspec.structs.replace(self, path=path)))
        decision, source, times = record["decision"], record["source"], record["timing_ms"]
        return {
            "path": path,
            "case": case,
            **decision,
            "bundle": source["bundle"],
            "bundle_sha256": source["bundle_sha256"],
            "bundle_parent_sha256": source["parent_sha256"],
            "precision": source["precision"],
            "backend": source["backend"],
            "skipped_backends": source["skipped_backends"],
            "version": source["version"],
            "scan_sha256": record["scan_sha256"],
            "steps": record["steps"],
            "timing_ms": {**times, "total": sum(times.values())},
        }

    def to_json(self, *, case: str | None = None, indent: int | None = None) -> str:
        """Return `to_dict` as JSON, on one line unless an indent is given."""
        encoded = msgspec.json.encode(self.to_dict(case=case))
        return msgspec.json.format(encoded, indent=-1 if indent is None else indent).decode()

    def __repr__(self) -> str:
        """Return input, label, probability, flags and what answered."""
        name = f"{self.path!r}: " if self.path else ""
        return f"Prediction({name}{_summary(self.decision)}; {self.source.bundle}, {self.source.precision})"


def _summary(decision: Decision) -> str:
    low, high = decision.interval or (decision.probability, decision.probability)
    share = f"{decision.probability:.1%}" if decision.interval is None else f"{low:.1%} to {high:.1%}"
    flags = f", flags: {', '.join(flag.name for flag in decision.flags)}" if decision.flags else ""
    return f"{decision.label} {share}{flags}"
