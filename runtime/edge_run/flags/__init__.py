"""Flags: reasons why a person should look at an answer."""

from __future__ import annotations

from .causes import cause_of
from .disagreement import disagreement
from .feature_distance import FeatureDistance
from .flagger import NAMES, FirstStageFlags, Flagger, FlagInputs
from .orientation import Orientation, image_flags
from .quality import quality_flags

__all__ = [
    "NAMES",
    "FeatureDistance",
    "FirstStageFlags",
    "FlagInputs",
    "Flagger",
    "Orientation",
    "cause_of",
    "disagreement",
    "image_flags",
    "quality_flags",
]
