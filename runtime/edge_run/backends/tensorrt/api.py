"""The two packages that are imported when they are needed: TensorRT's Python bindings and CUDA's.

Neither ships types, and neither need be installed where types are checked: to mypy all their objects are `Any`. Each
variable that holds one is annotated with its class below, by which tests/runtime/backends/tensorrt/test_surface.py
holds every name that is used of it against the real bindings.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, TypeAlias

from edge_run.errors import BackendError

TensorRT: TypeAlias = Any
Cuda: TypeAlias = Any

Builder: TypeAlias = Any
DataType: TypeAlias = Any
IBuilderConfig: TypeAlias = Any
ICudaEngine: TypeAlias = Any
IExecutionContext: TypeAlias = Any
IHostMemory: TypeAlias = Any
ILayer: TypeAlias = Any
ILogger: TypeAlias = Any
INetworkDefinition: TypeAlias = Any
IOptimizationProfile: TypeAlias = Any
IProgressMonitor: TypeAlias = Any
ITensor: TypeAlias = Any
ITimingCache: TypeAlias = Any
LayerType: TypeAlias = Any
OnnxParser: TypeAlias = Any
ParserError: TypeAlias = Any
Runtime: TypeAlias = Any
Severity: TypeAlias = Any

# Whatever a call of CUDA returns beside its error code: a stream, a graph, an address, a structure.
CudaValue: TypeAlias = Any

TENSORRT = "tensorrt"
CUDA = "cuda.bindings.runtime"
INSTALL_TENSORRT = (
    "desktop: pip install 'edge-run[tensorrt]', with NVIDIA's package index; Jetson: TensorRT is JetPack's own "
    "(apt package python3-libnvinfer), seen by an environment made with python3 -m venv --system-site-packages"
)
INSTALL_CUDA = "pip install cuda-bindings; on JetPack 6: pip install 'cuda-bindings<13'"


def installed(module: str) -> bool:
    """Return whether a module can be found; its parents are imported, the module is not."""
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def tensorrt() -> TensorRT:
    """Import TensorRT.

    Raises
    ------
    BackendError
        It is missing, or its libraries cannot be loaded.
    """
    return _imported(TENSORRT, "TensorRT", INSTALL_TENSORRT)


def cuda() -> Cuda:
    """Import CUDA's runtime API.

    Raises
    ------
    BackendError
        It is missing, or cannot be loaded.
    """
    return _imported(CUDA, "cuda-bindings", INSTALL_CUDA)


def _imported(module: str, name: str, hint: str) -> Any:  # noqa: ANN401 - a module without types
    try:
        return importlib.import_module(module)
    # A missing shared library is an ImportError on Linux, an OSError where the package loads its libraries itself.
    except (ImportError, OSError) as error:
        raise BackendError(f"{name} cannot be imported: {error}", hint=hint) from error
