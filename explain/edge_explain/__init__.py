"""The PyTorch originals explain a case. Needs the extra ``explain``.

>>> from edge_explain import explain, of_bundle
>>> from edge_run import Ensemble, image
>>> with Ensemble.load("BUNDLE") as ensemble:  # doctest: +SKIP
...     found = explain(image.read("scan.png"), ensemble, of_bundle(ensemble.bundle, Path("RUN")))
"""

from __future__ import annotations

from .cache import Cache, default_folder
from .explaining import explain
from .explanation import Curve, Explanation, MapParity, Regions, Trust
from .methods.background import Background, training_scans
from .methods.originals import Original, Originals, folder_of, of_bundle
from .targets import Target, targets

__all__ = [
    "Background",
    "Cache",
    "Curve",
    "Explanation",
    "MapParity",
    "Original",
    "Originals",
    "Regions",
    "Target",
    "Trust",
    "default_folder",
    "explain",
    "folder_of",
    "of_bundle",
    "targets",
    "training_scans",
]
