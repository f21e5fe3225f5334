"""Whether an explanation can be believed."""

from __future__ import annotations

from .agreement import agreement, rank_correlation
from .assess import Judged, assess, curves
from .curves import Baseline, deletion, insertion, random_baseline
from .faithfulness import infidelity, sensitivity
from .parameter_randomisation import randomisation, shuffled
from .place import body, shares

__all__ = [
    "Baseline",
    "Judged",
    "agreement",
    "assess",
    "body",
    "curves",
    "deletion",
    "infidelity",
    "insertion",
    "random_baseline",
    "randomisation",
    "rank_correlation",
    "sensitivity",
    "shares",
    "shuffled",
]
