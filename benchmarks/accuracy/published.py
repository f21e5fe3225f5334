"""Figures that the two seed papers report in their abstracts; the full papers could not be read."""

from __future__ import annotations

from typing import NamedTuple


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


_TRANSFER = "an average; the abstract does not say over what, nor the split, the averaging of F1 or the files"
_SPHERES = "without augmentation (ours has it); the abstract does not name networks, data or split"
_NOT_FROM_SCRATCH = "Zhao et al. 2025, doi 10.1016/j.chemolab.2025.105517"
_ORTHOGONALITY = "Wang et al. 2021, arXiv 2102.08360: gain by OS"

PUBLISHED = (
    Published(_NOT_FROM_SCRATCH, "COVID-19 CT", "covid-ct", 0.9897, 0.9898, False, _TRANSFER),
    Published(_NOT_FROM_SCRATCH, "SARS-COV-2 CT", "sars-cov-2-ct", 0.9752, 0.9741, False, _TRANSFER),
    Published(_NOT_FROM_SCRATCH, "COVID-19 CXR", "covid-cxr", 0.9397, 0.9394, False, _TRANSFER),
    Published(_ORTHOGONALITY, "chest X-rays, two classes", "", 0.016, None, True, _SPHERES),
    Published(_ORTHOGONALITY, "chest X-rays, three classes", "covid-cxr", 0.048, None, True, _SPHERES),
)
