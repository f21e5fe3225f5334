"""What the two seed papers report, and what is known of how, beside ours. Only their abstracts could be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import accuracy_cells as cells
from accuracy_compare import ACCURACY, OS, compare
from accuracy_protocols import PROTOCOLS
from accuracy_rows import networks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accuracy_rows import Row


class Published(NamedTuple):
    """One figure of the literature.

    Attributes
    ----------
    work, on
        The paper, and the data as it names them.
    dataset
        Ours that stands beside it; empty where none does.
    accuracy, f1
        As printed; None where it is not reported.
    gain
        Whether ``accuracy`` is the gain by OS over cross-entropy, not an accuracy.
    known
        Of the protocol.
    """

    work: str
    on: str
    dataset: str
    accuracy: float
    f1: float | None
    gain: bool
    known: str


_TRANSFER = "an average, over what is not said; split, F1's averaging and which files these are: not in the abstract"
_SPHERES = "without augmentation (ours has it); networks, data and split: not in the abstract"
_NOT_FROM_SCRATCH = "Zhao et al. 2025, doi 10.1016/j.chemolab.2025.105517"
_ORTHOGONALITY = "Wang et al. 2021, arXiv 2102.08360: gain by OS"

PUBLISHED = (
    Published(_NOT_FROM_SCRATCH, "COVID-19 CT", "covid-ct", 0.9897, 0.9898, False, _TRANSFER),
    Published(_NOT_FROM_SCRATCH, "SARS-COV-2 CT", "sars-cov-2-ct", 0.9752, 0.9741, False, _TRANSFER),
    Published(_NOT_FROM_SCRATCH, "COVID-19 CXR", "covid-cxr", 0.9397, 0.9394, False, _TRANSFER),
    Published(_ORTHOGONALITY, "chest X-rays, two classes", "", 0.016, None, True, _SPHERES),
    Published(_ORTHOGONALITY, "chest X-rays, three classes", "covid-cxr", 0.048, None, True, _SPHERES),
)


def published(rows: Sequence[Row]) -> str:
    """Table of the published figures and, beside each, ours under both protocols."""
    lines = []
    for one in PUBLISHED:
        ours = [_ours(rows, one, protocol, field) for protocol in PROTOCOLS for field in ("accuracy", "f1")]
        accuracy = f"{100 * one.accuracy:+.1f} points" if one.gain else f"{one.accuracy:.4f}"
        f1 = cells.NONE if one.f1 is None else f"{one.f1:.4f}"
        lines.append([one.work, one.on, accuracy, f1, *ours, one.known])
    columns = [f"ours, {protocol}: {name}" for protocol in PROTOCOLS for name in ("accuracy", "F1")]
    return cells.table(["work", "on", "accuracy", "F1", *columns, "known of its protocol"], lines)


def _ours(rows: Sequence[Row], one: Published, protocol: str, field: str) -> str:
    """Our figure for a published one: of the vote, or of the only member, trained with plain cross-entropy."""
    if not one.dataset:
        return "not run"
    names = networks(rows)
    if one.gain:
        found = compare(rows, OS, ACCURACY, protocol=protocol, dataset=one.dataset, ensemble=len(names) > 1)
        return cells.difference(found) if field == "accuracy" else cells.NONE
    wanted = (one.dataset, protocol, "ce", "")
    own = [row for row in rows for t in [row.trial] if (t.dataset, t.protocol, t.arm, t.source) == wanted]
    return cells.mean([row.test[names[-1]][field] for row in own])
