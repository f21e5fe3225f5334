"""edge-run at the bedside: a vote of compiled networks, without PyTorch.

>>> from edge_run import Ensemble
>>> prediction = Ensemble.load("ct-covid").predict("samples/ct.png")  # doctest: +SKIP
>>> prediction.decision.label, prediction.decision.probability  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ._version import __version__
from .errors import BackendError, BundleError, DataError, EdgeRunError, GateError, InputError, UsageError

if TYPE_CHECKING:
    from .bundle.bundle import Bundle
    from .ensemble.ensemble import Ensemble
    from .scan.preprocessing import PreprocessSpec, preprocess
    from .scan.read import read, read_frames
    from .scan.scan import Scan
    from .voting.prediction import Decision, Flag, MemberVote, Prediction, SkippedBackend, Source

# Loaded on first use: `edge-run --help` needs neither OpenCV nor ONNX Runtime.
_LAZY = {
    "Bundle": "bundle.bundle",
    "Decision": "voting.prediction",
    "Ensemble": "ensemble.ensemble",
    "Flag": "voting.prediction",
    "MemberVote": "voting.prediction",
    "SkippedBackend": "voting.prediction",
    "Prediction": "voting.prediction",
    "PreprocessSpec": "scan.preprocessing",
    "Scan": "scan.scan",
    "Source": "voting.prediction",
    "preprocess": "scan.preprocessing",
    "read": "scan.read",
    "read_frames": "scan.read",
}

__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "DataError",
    "Decision",
    "EdgeRunError",
    "Ensemble",
    "Flag",
    "GateError",
    "InputError",
    "MemberVote",
    "Prediction",
    "PreprocessSpec",
    "Scan",
    "SkippedBackend",
    "Source",
    "UsageError",
    "__version__",
    "preprocess",
    "read",
    "read_frames",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_LAZY[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
