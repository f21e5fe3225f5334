"""Compare one measure of the logged cases with the validation scans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from .shift import kolmogorov_smirnov, psi, psi_by_chance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MIN_CASES = 50
"""Fewer cases get no verdict: chance alone gives a stability index that would mean a large shift."""
MIN_PER_BIN = 5
"""Bins with fewer validation scans are merged, because the chi-squared approximation fails below it."""
SHIFT, DRIFT = 0.1, 0.25
"""The usual reading of the stability index: below 0.1 little change, from 0.25 on a large one."""
SIGNIFICANCE = 0.01
FLAG_RATE_CHANGE = 0.05
"""A flag whose rate changed so much, beyond chance, has shifted; the index hardly moves when a rare flag doubles."""
VERDICTS = ("unknown", "stable", "shifted", "drifted")
MEANING = {
    "score": "other patients, or another scanner or protocol",
    "confidence": "scans that are harder for the networks, or unlike those of the training",
    "disagreement": "scans that are harder for the networks, or unlike those of the training",
    "distance": "scans unlike those of the training: scanner, protocol, window, or what is sent",
    "label": "another share of ill patients, or another scanner or protocol",
    "flag": "more or fewer scans in doubt than the flags were fitted for",
}


class Comparison(msgspec.Struct, frozen=True):
    """One measure, then and now.

    Attributes
    ----------
    kind
        ``measure``, ``flag`` or ``label``.
    cases, scans
        How many were compared: of the log, of the validation.
    then, now
        Mean of a measure (from bins, then); share of the scans with a flag, or with the positive label.
    psi, psi_expected, psi_99
        Population stability index; what chance alone gives on average, and in one of a hundred.
    ks, ks_p
        Kolmogorov-Smirnov's distance and p of a measure, else None.
    verdict
        ``stable``, ``shifted`` or ``drifted``; ``unknown`` where there are too few cases or scans.
    meaning
        What may be behind a change.
    """

    name: str
    kind: str
    cases: int
    scans: int
    then: float | None
    now: float | None
    psi: float | None
    psi_expected: float | None
    psi_99: float | None
    ks: float | None
    ks_p: float | None
    verdict: str
    meaning: str


def compare(
    name: str,
    kind: str,
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
    averages: tuple[float | None, float | None],
    *,
    ordered: bool = False,
) -> Comparison:
    """Compare counts ``[bins]`` of the log and of the validation.

    Parameters
    ----------
    averages
        Then and now.
    ordered
        Bins are those of a measure: Kolmogorov and Smirnov's test makes sense.
    """
    meaning = MEANING.get(kind if kind == "flag" else name, "")
    n, m = int(ours.sum()), int(theirs.sum())
    if n < MIN_CASES or m < 2 * MIN_PER_BIN or len(ours) < 2:
        return Comparison(name, kind, n, m, *averages, None, None, None, None, None, "unknown", meaning)
    index = psi(ours, theirs)
    expected, largest = psi_by_chance(len(ours), n, m)
    distance, p = kolmogorov_smirnov(ours, theirs) if ordered else (None, None)
    moved = kind == "flag" and abs(ours[0] / n - theirs[0] / m) >= FLAG_RATE_CHANGE
    verdict = _verdict(index, largest, p, moved=moved)
    return Comparison(name, kind, n, m, *averages, index, expected, largest, distance, p, verdict, meaning)


def _verdict(index: float, by_chance: float, p: float | None, *, moved: bool) -> str:
    """Large and beyond chance: drifted. Not small and beyond chance: shifted."""
    beyond = index > by_chance
    if beyond and index >= DRIFT:
        return "drifted"
    if beyond and (moved or index >= SHIFT):
        return "shifted"
    return "shifted" if index >= SHIFT and p is not None and p < SIGNIFICANCE else "stable"
