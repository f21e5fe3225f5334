"""Run directory -> bundle. Needs the extra ``export``; :mod:`edge_export.triton` needs ``onnx`` alone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge_run.bundle.derive import SOURCE as STORED
    from edge_run.flags.thresholds import Target

    from .bundle.report import ArtefactReport, ExportReport, VoteReport
    from .derived import add_derived_forms
    from .export_run import export
    from .gate.gate import Comparison, Gate
    from .gate.precisions import RECIPES, Tolerance
    from .reporter import Reporter

    PRECISIONS = tuple(RECIPES)
    """All that `export` can build."""

# Loaded on first use: a repository for Triton is written without PyTorch.
_LAZY = {
    "ArtefactReport": ".bundle.report",
    "Comparison": ".gate.gate",
    "ExportReport": ".bundle.report",
    "Gate": ".gate.gate",
    "RECIPES": ".gate.precisions",
    "Reporter": ".reporter",
    "Target": "edge_run.flags.thresholds",
    "Tolerance": ".gate.precisions",
    "VoteReport": ".bundle.report",
    "add_derived_forms": ".derived",
    "export": ".export_run",
}

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


def __getattr__(name: str) -> Any:  # noqa: ANN401
    value: Any
    if name == "PRECISIONS":
        value = tuple(importlib.import_module(".gate.precisions", __name__).RECIPES)
    elif name == "STORED":
        value = importlib.import_module("edge_run.bundle.derive").SOURCE
    elif name in _LAZY:
        value = getattr(importlib.import_module(_LAZY[name], __name__), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
