"""edge-run at the bedside: a vote of compiled networks, without PyTorch.

>>> from edge_run import Ensemble
>>> with Ensemble.load("ct-covid") as ensemble:  # doctest: +SKIP
...     prediction = ensemble.predict("samples/ct.png")
...     ensemble.heatmap("samples/ct.png").save("heatmap.png")
>>> prediction.label, prediction.probability  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._telemetry import switch_off
from ._version import __version__
from .errors import BackendError, BundleError, DataError, EdgeRunError, GateError, InputError, UsageError

switch_off()

if TYPE_CHECKING:
    from .bundle.bundle import Bundle
    from .cases.log import CaseLog
    from .ensemble.ensemble import Ensemble
    from .ensemble.heatmap import ScanHeatmap
    from .ensemble.predict_many import ScanResult
    from .ensemble.series import SeriesPrediction
    from .ensemble.verify import verify
    from .heatmap.heatmap import Heatmap
    from .scan.preprocessing import PreprocessSpec, preprocess
    from .scan.read import read, read_frames
    from .scan.scan import Scan
    from .voting.prediction import Decision, Flag, MemberVote, Prediction, SkippedBackend, Source

# Loaded on first use: `edge-run --help` needs neither OpenCV nor ONNX Runtime.
_LAZY = {
    "Bundle": "bundle.bundle",
    "CaseLog": "cases.log",
    "Decision": "voting.prediction",
    "Ensemble": "ensemble.ensemble",
    "Flag": "voting.prediction",
    "Heatmap": "heatmap.heatmap",
    "MemberVote": "voting.prediction",
    "SkippedBackend": "voting.prediction",
    "Prediction": "voting.prediction",
    "PreprocessSpec": "scan.preprocessing",
    "Scan": "scan.scan",
    "ScanHeatmap": "ensemble.heatmap",
    "ScanResult": "ensemble.predict_many",
    "SeriesPrediction": "ensemble.series",
    "Source": "voting.prediction",
    "preprocess": "scan.preprocessing",
    "read": "scan.read",
    "read_frames": "scan.read",
    "verify": "ensemble.verify",
}

__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "CaseLog",
    "DataError",
    "Decision",
    "EdgeRunError",
    "Ensemble",
    "Flag",
    "GateError",
    "Heatmap",
    "InputError",
    "MemberVote",
    "Prediction",
    "PreprocessSpec",
    "Scan",
    "ScanHeatmap",
    "ScanResult",
    "SeriesPrediction",
    "SkippedBackend",
    "Source",
    "UsageError",
    "__version__",
    "preprocess",
    "read",
    "read_frames",
    "verify",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
