"""Run directory -> bundle. Needs the extra ``export``."""

from edge_run.bundle.derive import SOURCE as STORED

from .bundle.report import ArtefactReport, ExportReport, VoteReport
from .derived import add_derived_forms
from .export import export
from .flags.thresholds import Target
from .gate.gate import Comparison, Gate
from .gate.precisions import RECIPES, Tolerance
from .reporter import Reporter

PRECISIONS = tuple(RECIPES)
"""All that `export` can build."""

__all__ = [
    "PRECISIONS",
    "RECIPES",
    "STORED",
    "ArtefactReport",
    "Comparison",
    "ExportReport",
    "Gate",
    "Reporter",
    "Target",
    "Tolerance",
    "VoteReport",
    "add_derived_forms",
    "export",
]
