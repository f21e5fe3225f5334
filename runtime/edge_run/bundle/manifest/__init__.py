"""``bundle.json``: the bundle's contents, typed.

``docs/bundle.md`` explains them and ``docs/bundle.schema.json`` is their JSON schema. The schema is
generated from these types, and a test holds the two together.
"""

from __future__ import annotations

from .about import Card, Evaluation, Figure, Provenance, Reference
from .files import MAX_FILE_BYTES, File
from .flags import FeatureDistanceThreshold, FlagThresholds, Histogram, OrientationCheck, Profile
from .members import Artefact, BundleMember, Parity, Quantisation
from .recalibration import Recalibration
from .whole import SCHEMA_VERSION, Manifest, Task

__all__ = [
    "MAX_FILE_BYTES",
    "SCHEMA_VERSION",
    "Artefact",
    "BundleMember",
    "Card",
    "Evaluation",
    "FeatureDistanceThreshold",
    "Figure",
    "File",
    "FlagThresholds",
    "Histogram",
    "Manifest",
    "OrientationCheck",
    "Parity",
    "Profile",
    "Provenance",
    "Quantisation",
    "Recalibration",
    "Reference",
    "Task",
]
