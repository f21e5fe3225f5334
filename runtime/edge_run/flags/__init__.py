"""Reasons for a person to look at an answer."""

from __future__ import annotations

from .disagreement import disagreement
from .feature_distance import Familiar
from .flagger import NAMES, Evidence, Flagger, Noted
from .quality import inspect

__all__ = ["NAMES", "Evidence", "Familiar", "Flagger", "Noted", "disagreement", "inspect"]
