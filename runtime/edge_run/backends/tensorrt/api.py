"""The two packages that are reached for: TensorRT's Python bindings and CUDA's.

Neither ships types, and neither need be installed where types are checked: to mypy they are `Any`.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, TypeAlias

from edge_run.errors import BackendError

# One of the two modules; and whatever object comes out of it.
Module: TypeAlias = Any
Foreign: TypeAlias = Any

TENSORRT = "tensorrt"
CUDA = "cuda.bindings.runtime"
INSTALL_TENSORRT = (
    "desktop: pip install 'edge-run[tensorrt]', with NVIDIA's package index; Jetson: TensorRT is JetPack's own "
    "(apt package python3-libnvinfer), seen by an environment made with python3 -m venv --system-site-packages"
)
INSTALL_CUDA = "pip install cuda-bindings; on JetPack 6: pip install 'cuda-bindings<13'"


def installed(module: str) -> bool:
    """Whether a module can be found; its parents are imported, it is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def tensorrt() -> Module:
    """Import TensorRT.

    Raises
    ------
    BackendError
        It is missing, or its libraries cannot be loaded.
    """
    return _imported(TENSORRT, "TensorRT", INSTALL_TENSORRT)


def cuda() -> Module:
    """Import CUDA's runtime API.

    Raises
    ------
    BackendError
        It is missing, or cannot be loaded.
    """
    return _imported(CUDA, "cuda-bindings", INSTALL_CUDA)


def _imported(module: str, name: str, hint: str) -> Module:
    try:
        return importlib.import_module(module)
    # A missing shared library is an ImportError on Linux, an OSError where the package loads its libraries itself.
    except (ImportError, OSError) as error:
        raise BackendError(f"{name} cannot be imported: {error}", hint=hint) from error
