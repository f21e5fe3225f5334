"""Whether today's scans still look like those the bundle was validated on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from .agreement import Agreement, agreement
from .comparison import FEWEST_PER_BIN, VERDICTS, Comparison, compare
from .shift import merged

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Histogram, Manifest, Profile, Task

    from .hashing import Entry

OF_THE_VOTE = ("score", "confidence")
"""Measures that take all members; the others come from those that always answer."""
LEAST_WHOLE = 0.95
"""Score and confidence are judged where all members answered at least this share of the cases."""


class Answered(NamedTuple):
    """What is asked of a case; thousands are held at once."""

    scan: str
    label: str
    flags: tuple[str, ...]
    measures: dict[str, float]
    early: bool
    noted: str | None


class Drift(msgspec.Struct, frozen=True):
    """The log against one precision's validation scans.

    Attributes
    ----------
    cases
        Answered by this bundle at this precision.
    repeats
        Of those left out: the same scan, answered the same.
    early
        Answered by some of the members only: left out of score and confidence, which are not judged at all where
        these are many.
    verdict
        The worst of the comparisons'; ``unknown`` where nothing could be judged.
    """

    precision: str
    cases: int
    repeats: int
    early: int
    verdict: str
    comparisons: tuple[Comparison, ...]
    agreement: Agreement


class Report(msgspec.Struct, frozen=True):
    """The log against a bundle.

    Attributes
    ----------
    other
        Cases that another bundle answered, or a precision that this one has not: left out.
    precisions
        Those that the log has cases of.
    """

    bundle: str
    bundle_sha256: str
    other: int
    precisions: tuple[Drift, ...]


def report(bundle: Bundle, cases: Iterable[Entry]) -> Report:
    """Compare a bundle's cases with its validation scans, each precision by itself."""
    answered: dict[str, list[Answered]] = {precision: [] for precision in bundle.manifest.precisions}
    other = 0
    for case in cases:
        if case["bundle_sha256"] == bundle.sha256 and case["precision"] in answered:
            answered[case["precision"]].append(_answered(case))
        else:
            other += 1
    found = tuple(drift(bundle.manifest, precision, seen) for precision, seen in answered.items() if seen)
    return Report(bundle.manifest.name, bundle.sha256, other, found)


def drift(manifest: Manifest, precision: str, cases: Sequence[Answered]) -> Drift:
    """Compare the cases of one precision with its validation scans."""
    # Asking again about one scan tells nothing new about the scans that come.
    once = list({(case.scan, *case.measures.values()): case for case in cases}.values())
    whole = [case for case in once if not case.early]
    # Those that needed all members are the undecided ones: alone they look like drift where there is none.
    voted = whole if len(whole) >= LEAST_WHOLE * len(once) else []
    profile = manifest.profile[precision]
    found = [
        _measure(name, histogram, voted if name in OF_THE_VOTE else once)
        for name, histogram in profile.measures.items()
    ]
    found += _flags(profile, once)
    found.append(_labels(manifest.task, profile, once))
    worst = max((one.verdict for one in found), key=VERDICTS.index)
    agreed = agreement((case.label, case.noted) for case in cases)
    return Drift(precision, len(cases), len(cases) - len(once), len(once) - len(whole), worst, tuple(found), agreed)


def _answered(case: Entry) -> Answered:
    noted = [note["label"] for note in case["notes"] if note["label"] is not None]
    return Answered(
        scan=case["scan_sha256"],
        label=case["label"],
        flags=tuple(flag["name"] for flag in case["flags"]),
        measures=case["measures"],
        early=case["interval"] is not None,
        noted=noted[-1] if noted else None,
    )


def _measure(name: str, histogram: Histogram, cases: Sequence[Answered]) -> Comparison:
    values = np.array([case.measures[name] for case in cases if name in case.measures], np.float64)
    edges, theirs = np.array(histogram.edges), np.array(histogram.counts)
    ours = np.bincount(np.searchsorted(edges[1:-1], values, side="right"), minlength=len(theirs))
    middle = (edges[:-1] + edges[1:]) / 2
    then = float((middle * theirs).sum() / theirs.sum()) if theirs.any() else None
    starts = merged(theirs, FEWEST_PER_BIN)
    return compare(
        name,
        "measure",
        np.add.reduceat(ours, starts),
        np.add.reduceat(theirs, starts),
        (then, float(values.mean()) if len(values) else None),
        ordered=True,
    )


def _flags(profile: Profile, cases: Sequence[Answered]) -> list[Comparison]:
    raised = {name for case in cases for name in case.flags}
    compared = []
    for name in [*profile.flags, *sorted(raised - profile.flags.keys())]:
        now, then = sum(name in case.flags for case in cases), profile.flags.get(name, 0)
        ours, theirs = np.array([now, len(cases) - now]), np.array([then, profile.scans - then])
        shares = (then / profile.scans if profile.scans else None, now / len(cases) if cases else None)
        compared.append(compare(name, "flag", ours, theirs, shares))
    return compared


def _labels(task: Task, profile: Profile, cases: Sequence[Answered]) -> Comparison:
    ours = np.array([sum(case.label == label for case in cases) for label in task.labels])
    theirs = np.array([profile.labels.get(label, 0) for label in task.labels])
    positive = task.labels.index(task.positive)
    then, now = (float(counts[positive] / counts.sum()) if counts.any() else None for counts in (theirs, ours))
    return compare("label", "label", ours, theirs, (then, now))
