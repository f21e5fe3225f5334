"""Flags: reasons why a person should look at an answer."""

from __future__ import annotations

from .disagreement import disagreement
from .feature_distance import FeatureDistance
from .flagger import NAMES, FirstStageFlags, Flagger, FlagInputs
from .quality import quality_flags

__all__ = ["NAMES", "FeatureDistance", "FirstStageFlags", "FlagInputs", "Flagger", "disagreement", "quality_flags"]
