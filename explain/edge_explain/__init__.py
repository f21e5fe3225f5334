"""Explain the answers of a bundle with its PyTorch originals. Needs the extra ``explain``.

>>> from edge_explain import explain, load_originals
>>> from edge_run import Ensemble, scan
>>> with Ensemble.load("BUNDLE") as ensemble:  # doctest: +SKIP
...     explanation = explain(scan.read("scan.png"), ensemble, load_originals(ensemble.bundle))
"""

from __future__ import annotations

from .cache import Cache, default_folder
from .explain_scan import explain
from .explanation import Curve, Explanation, MapParity, Regions, Trust
from .find_scans import FoundScan, find_scans
from .methods.background import Background, blurred_copies, training_scans
from .methods.originals import Original, Originals, load_originals

__all__ = [
    "Background",
    "Cache",
    "Curve",
    "Explanation",
    "FoundScan",
    "MapParity",
    "Original",
    "Originals",
    "Regions",
    "Trust",
    "blurred_copies",
    "default_folder",
    "explain",
    "find_scans",
    "load_originals",
    "training_scans",
]
