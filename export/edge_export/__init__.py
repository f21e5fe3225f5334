"""Run directory -> bundle. Needs the extra ``export``."""

from .bundle.report import ExportReport
from .export import export
from .flags.thresholds import Target
from .gate.precisions import RECIPES
from .reporter import Reporter

PRECISIONS = tuple(RECIPES)
"""All that `export` can make."""

__all__ = ["PRECISIONS", "ExportReport", "Reporter", "Target", "export"]
