"""Run directory -> bundle. Needs the extra ``export``."""

from .export import export
from .fit_flags import Target
from .precisions import RECIPES
from .report import ExportReport
from .talk import Talk

PRECISIONS = tuple(RECIPES)
"""All that `export` can make."""

__all__ = ["PRECISIONS", "ExportReport", "Talk", "Target", "export"]
