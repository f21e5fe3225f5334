"""Find what is installed without importing it."""

from __future__ import annotations

import importlib.util
import os
import sys

_LIBRARY = "onnxruntime_providers_{}.dll" if sys.platform == "win32" else "libonnxruntime_providers_{}.so"


def provider_library(name: str) -> str:
    """Return the path of a provider's shared library inside ONNX Runtime's package, as `locate` takes it."""
    return f"onnxruntime/capi/{_LIBRARY.format(name)}"


def locate(part: str) -> str | None:
    """Return the path of a top-level package, or of ``package/file`` inside one; None where it is not installed."""
    package, _, file = part.partition("/")
    spec = importlib.util.find_spec(package)
    # A folder that only happens to have the name is a namespace package, which has no origin.
    if spec is None or spec.origin is None:
        return None
    places = [os.path.join(folder, file) for folder in spec.submodule_search_locations or ()] if file else [spec.origin]  # noqa: PTH118
    return next(filter(os.path.exists, places), None)
