"""Drift: whether the logged cases still look like the bundle's validation scans."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from edge_run.bundle.manifest.flags import RENAMED

from .agreement import Agreement, agreement
from .comparison import MIN_PER_BIN, VERDICTS, Comparison, compare
from .shift import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Histogram, Manifest, Profile, Task

    from .hashing import Entry

VOTE_MEASURES = ("score", "confidence")
"""Measures that need all members; the others come from the members of the first stage."""
MIN_COMPLETE = 0.95
"""Score and confidence get a verdict where all members answered at least this share of the cases."""


class CaseSummary(NamedTuple):
    """The fields of a case that drift needs, because thousands are held at once."""

    scan: str
    label: str
    flags: tuple[str, ...]
    measures: dict[str, float]
    early: bool
    noted: str | None


class Drift(msgspec.Struct, frozen=True):
    """The comparison of the log with the validation scans at one precision.

    Attributes
    ----------
    cases
        Answered by this bundle at this precision.
    repeats
        Cases that were left out because the same scan had the same answer before.
    early
        Cases that some of the members answered: left out of score and confidence, which get no verdict where these
        are many.
    verdict
        The worst verdict of the comparisons; ``unknown`` where there is none.
    """

    precision: str
    cases: int
    repeats: int
    early: int
    verdict: str
    comparisons: tuple[Comparison, ...]
    agreement: Agreement


class Report(msgspec.Struct, frozen=True):
    """The comparison of a log with a bundle.

    Attributes
    ----------
    other
        Cases that were left out because another bundle, or a precision that this one lacks, answered them.
    precisions
        One for each precision that the log has cases of.
    """

    bundle: str
    bundle_sha256: str
    other: int
    precisions: tuple[Drift, ...]


def report(bundle: Bundle, cases: Iterable[Entry]) -> Report:
    """Compare a bundle's cases with its validation scans, separately for each precision."""
    answered: dict[str, list[CaseSummary]] = {precision: [] for precision in bundle.manifest.precisions}
    other = 0
    for case in cases:
        if case["bundle_sha256"] == bundle.sha256 and case["precision"] in answered:
            answered[case["precision"]].append(_answered(case))
        else:
            other += 1
    found = tuple(drift(bundle.manifest, precision, seen) for precision, seen in answered.items() if seen)
    return Report(bundle.manifest.name, bundle.sha256, other, found)


def drift(manifest: Manifest, precision: str, cases: Sequence[CaseSummary]) -> Drift:
    """Compare the cases of one precision with its validation scans."""
    # A scan that is predicted again says nothing new about the scans that arrive.
    once = list({(case.scan, *case.measures.values()): case for case in cases}.values())
    whole = [case for case in once if not case.early]
    # With early exit, only undecided cases need all members: alone they look like drift where there is none.
    voted = whole if len(whole) >= MIN_COMPLETE * len(once) else []
    profile = manifest.profile[precision]
    found = [
        _measure(name, histogram, voted if name in VOTE_MEASURES else once)
        for name, histogram in profile.measures.items()
    ]
    found += _flags(profile, once)
    found.append(_labels(manifest.task, profile, once))
    worst = max((one.verdict for one in found), key=VERDICTS.index)
    agreed = agreement((case.label, case.noted) for case in cases)
    return Drift(precision, len(cases), len(cases) - len(once), len(once) - len(whole), worst, tuple(found), agreed)


def _answered(case: Entry) -> CaseSummary:
    noted = [note["label"] for note in case["notes"] if note["label"] is not None]
    return CaseSummary(
        scan=case["scan_sha256"],
        label=case["label"],
        flags=tuple(RENAMED.get(flag["name"], flag["name"]) for flag in case["flags"]),
        measures=case["measures"],
        early=case["interval"] is not None,
        noted=noted[-1] if noted else None,
    )


def _measure(name: str, histogram: Histogram, cases: Sequence[CaseSummary]) -> Comparison:
    values = np.array([case.measures[name] for case in cases if name in case.measures], np.float64)
    edges, theirs = np.array(histogram.edges), np.array(histogram.counts)
    ours = np.bincount(np.searchsorted(edges[1:-1], values, side="right"), minlength=len(theirs))
    middle = (edges[:-1] + edges[1:]) / 2
    then = float((middle * theirs).sum() / theirs.sum()) if theirs.any() else None
    starts = merged(theirs, MIN_PER_BIN)
    return compare(
        name,
        "measure",
        np.add.reduceat(ours, starts),
        np.add.reduceat(theirs, starts),
        (then, float(values.mean()) if len(values) else None),
        ordered=True,
    )


def _flags(profile: Profile, cases: Sequence[CaseSummary]) -> list[Comparison]:
    raised = {name for case in cases for name in case.flags}
    compared = []
    for name in [*profile.flags, *sorted(raised - profile.flags.keys())]:
        now, then = sum(name in case.flags for case in cases), profile.flags.get(name, 0)
        ours, theirs = np.array([now, len(cases) - now]), np.array([then, profile.scans - then])
        shares = (then / profile.scans if profile.scans else None, now / len(cases) if cases else None)
        compared.append(compare(name, "flag", ours, theirs, shares))
    return compared


def _labels(task: Task, profile: Profile, cases: Sequence[CaseSummary]) -> Comparison:
    ours = np.array([sum(case.label == label for case in cases) for label in task.labels])
    theirs = np.array([profile.labels.get(label, 0) for label in task.labels])
    positive = task.labels.index(task.positive)
    then, now = (float(counts[positive] / counts.sum()) if counts.any() else None for counts in (theirs, ours))
    return compare("label", "label", ours, theirs, (then, now))
