"""Cases of the log with a noted label, as arrays; every case that is not used is counted with its reason."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from edge_run.bundle.manifest.flags import RENAMED

from .patients import patient_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from edge_run.bundle.bundle import Bundle
    from edge_run.bundle.manifest import Manifest
    from edge_run.cases.hashing import Entry

NO_LABEL = "no label noted"
OTHER_BUNDLE = "answered by another bundle"
OTHER_PRECISION = "answered at another precision"
EARLY = "stopped early"
INCOMPLETE = "logits or measures incomplete"
REPEATED = "same scan answered again later"
REASONS = (NO_LABEL, OTHER_BUNDLE, OTHER_PRECISION, EARLY, INCOMPLETE, REPEATED)
SAME_PIXELS = 1e-3
"""Two scans of which no logit of any member differs by more have the same pixels in two files."""


class LabelledCases(NamedTuple):
    """One answer of each noted scan.

    Attributes
    ----------
    logits
        ``[M, N, classes]``, members in the manifest's order.
    targets
        ``[N]``.
    groups
        ``[N]``: scans of one patient have the same one, where the patient is known; else scans of the same pixels.
    distance
        From the training scans' features, ``[N]``; None where the bundle does not compare features.
    flags
        Names of each case's flags.
    """

    logits: NDArray[np.float64]
    targets: NDArray[np.int64]
    groups: tuple[str, ...]
    distance: NDArray[np.float64] | None
    flags: tuple[tuple[str, ...], ...]


class Selection(NamedTuple):
    """The cases that can be used, and the others.

    Attributes
    ----------
    precision
        The one at which the cases were answered.
    left_out
        Cases by reason; those reasons that occur.
    early_scans
        Noted scans of which the log has only answers that stopped early.
    corrected
        Scans that were noted with one label and later with another: the later one counts.
    patients
        Scans whose patient is known.
    """

    cases: LabelledCases
    precision: str
    left_out: dict[str, int]
    early_scans: int
    corrected: int
    patients: int


def select(
    bundle: Bundle,
    read: Callable[[], Iterable[Entry]],
    precision: str | None = None,
    *,
    family: Collection[str] = (),
    patients: Mapping[str, str] | None = None,
) -> Selection:
    """Choose the newest complete answer of each scan with a noted label.

    A note counts for its scan, whichever case of it the note is about; of several labels the last one counts. Answers
    of the bundles that this one was recalibrated from count too: they come from the same networks.

    Parameters
    ----------
    read
        Reads all cases of the log, oldest first. It is called twice: first for the labels, so that of a large log only
        the answers of noted scans are held.
    precision
        Use answers at this one; by default the one with the most noted scans.
    family
        SHA-256 of other bundles with the same networks.
    patients
        Patient by accession number.
    """
    manifest = bundle.manifest
    labels, corrected = _labels(read(), manifest.task.labels)
    known = bundle.family | set(family)
    candidates: dict[str, dict[str, Entry]] = {}
    answers, counts, early = Counter[str](), Counter[str](), set[str]()
    for case in read():
        reason = _reason(case, bundle, known, labels)
        if reason is None:
            answers[case["precision"]] += 1
            candidates.setdefault(case["precision"], {})[case["scan_sha256"]] = case
        else:
            counts[reason] += 1
            early |= {case["scan_sha256"]} if reason == EARLY else set()
    chosen = precision or max(candidates, key=lambda p: len(candidates[p]), default=manifest.precisions[0])
    used = candidates.get(chosen, {})
    counts[OTHER_PRECISION] = answers.total() - answers[chosen]
    counts[REPEATED] = answers[chosen] - len(used)
    owners = [patient_of(case, patients or {}) for case in used.values()]
    return Selection(
        _arrays(manifest, list(used.values()), labels, owners),
        chosen,
        {reason: counts[reason] for reason in REASONS if counts[reason]},
        len(early - used.keys()),
        corrected,
        sum(owner is not None for owner in owners),
    )


def _labels(cases: Iterable[Entry], known: Sequence[str]) -> tuple[dict[str, str], int]:
    """Return the label that was noted last for each scan, and how many scans had another one before."""
    noted: dict[str, list[tuple[str, str]]] = {}
    for case in cases:
        found = [(note["utc"], note["label"]) for note in case["notes"] if note["label"] in known]
        if found:
            noted.setdefault(case["scan_sha256"], []).extend(found)
    # Sorted by time alone: of two notes of one millisecond the later in the log counts.
    ordered = {scan: [label for _, label in sorted(found, key=lambda one: one[0])] for scan, found in noted.items()}
    labels = {scan: found[-1] for scan, found in ordered.items()}
    return labels, sum(len(set(found)) > 1 for found in ordered.values())


def _reason(case: Entry, bundle: Bundle, family: Collection[str], labels: Mapping[str, str]) -> str | None:
    """Say why a case cannot be used at any precision; None where it can."""
    if case["scan_sha256"] not in labels:
        return NO_LABEL
    if case["bundle_sha256"] not in family or case["precision"] not in bundle.precisions:
        return OTHER_BUNDLE
    if case["interval"] is not None:
        return EARLY
    return None if _complete(case, bundle.manifest) else INCOMPLETE


def _complete(case: Entry, manifest: Manifest) -> bool:
    """Whether a case has finite logits of every member, and the distance where the bundle measures one."""
    logits = {member["id"]: member.get("logits") for member in case["members"]}
    wanted = len(manifest.task.labels)
    whole = logits.keys() == {member.id for member in manifest.members} and all(
        isinstance(row, list) and len(row) == wanted and all(isinstance(x, int | float) and np.isfinite(x) for x in row)
        for row in logits.values()
    )
    measured = manifest.flags[case["precision"]].feature_distance is None or "distance" in case["measures"]
    return whole and measured and tuple(case["probabilities"]) == manifest.task.labels


def _arrays(
    manifest: Manifest, cases: Sequence[Entry], labels: Mapping[str, str], owners: Sequence[str | None]
) -> LabelledCases:
    by_id = [{member["id"]: member["logits"] for member in case["members"]} for case in cases]
    shape = len(manifest.members), len(cases), len(manifest.task.labels)
    logits = np.array([[row[m.id] for row in by_id] for m in manifest.members], np.float64).reshape(shape)
    targets = [manifest.task.labels.index(labels[case["scan_sha256"]]) for case in cases]
    same = _same_pixels(logits, [case["scan_sha256"] for case in cases])
    measured = all("distance" in case["measures"] for case in cases)
    return LabelledCases(
        logits,
        np.array(targets, np.int64),
        tuple(f"patient {owner}" if owner is not None else scan for owner, scan in zip(owners, same, strict=True)),
        np.array([case["measures"]["distance"] for case in cases], np.float64) if measured else None,
        tuple(tuple(RENAMED.get(flag["name"], flag["name"]) for flag in case["flags"]) for case in cases),
    )


def _same_pixels(logits: NDArray[np.float64], scans: Sequence[str]) -> tuple[str, ...]:
    """Return a group for each scan: its own hash, or that of an earlier scan with the same logits of every member."""
    groups: list[str] = []
    flat = logits.transpose(1, 0, 2).reshape(len(scans), logits.shape[0] * logits.shape[2])
    for n, row in enumerate(flat):
        alike = np.flatnonzero(np.abs(flat[:n] - row).max(axis=1, initial=0) <= SAME_PIXELS)
        groups.append(groups[alike[0]] if len(alike) else scans[n])
    return tuple(groups)
