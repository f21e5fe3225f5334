"""Scans: from a file, bytes, an array or a picture to uint8 grey, and to the network input that is made of it.

>>> from edge_run.scan import read_frames
>>> read_frames("series.dcm")  # doctest: +SKIP

The function ``read`` lives in the module of the same name: import it from :mod:`edge_run` or :mod:`edge_run.scan.read`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .dicom.series import Series
    from .frames import Frame, frames_of
    from .inputs import Input, expand
    from .preprocessing import PreprocessSpec, preprocess
    from .read import from_array, read_frames
    from .scan import MAX_BYTES, MAX_PIXELS, Limits, Scan

# Loaded on first use: a manifest needs the specification of the network input, and not OpenCV.
_HOMES = {
    "MAX_BYTES": "scan",
    "MAX_PIXELS": "scan",
    "Frame": "frames",
    "Input": "inputs",
    "Limits": "scan",
    "PreprocessSpec": "preprocessing",
    "Scan": "scan",
    "Series": "dicom.series",
    "expand": "inputs",
    "frames_of": "frames",
    "from_array": "read",
    "preprocess": "preprocessing",
    "read_frames": "read",
}

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "Frame",
    "Input",
    "Limits",
    "PreprocessSpec",
    "Scan",
    "Series",
    "expand",
    "frames_of",
    "from_array",
    "preprocess",
    "read_frames",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
