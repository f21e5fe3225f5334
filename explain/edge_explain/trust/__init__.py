"""Figures that tell whether an explanation can be relied on."""

from __future__ import annotations

from .agreement import agreement, rank_correlation
from .assess import MapsToAssess, assess, curves
from .curves import Baseline, deletion, insertion, random_baseline
from .faithfulness import infidelity, sensitivity
from .location import body, evidence_location
from .parameter_randomisation import randomisation, shuffled

__all__ = [
    "Baseline",
    "MapsToAssess",
    "agreement",
    "assess",
    "body",
    "curves",
    "deletion",
    "evidence_location",
    "infidelity",
    "insertion",
    "random_baseline",
    "randomisation",
    "rank_correlation",
    "sensitivity",
    "shuffled",
]
