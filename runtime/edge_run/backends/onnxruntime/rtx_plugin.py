"""The plugin of TensorRT for RTX, registered with ONNX Runtime."""

from __future__ import annotations

import importlib
import threading
from typing import Any

import onnxruntime as ort

from edge_run.errors import BackendError

from .providers import one_line

_LOCK = threading.Lock()


def devices(package: str, provider: str, hint: str) -> list[Any]:
    """Register the plugin, once in this process, and return the first GPU that it can use: a list of one.

    Raises
    ------
    BackendError
        ONNX Runtime takes no plugins, this one cannot be registered, or it finds no GPU.
    """
    if not hasattr(ort, "get_ep_devices"):
        raise BackendError(f"ONNX Runtime {ort.__version__} takes no plugins", hint=hint)
    with _LOCK:
        try:
            found = _listed(provider)
            if not found:
                plugin = importlib.import_module(package)
                ort.register_execution_provider_library(provider, plugin.get_library_path())
                found = _listed(provider)
        # Where the driver is missing, this is whatever the loader, the package or ONNX Runtime raises.
        except Exception as error:
            raise BackendError(f"{package} cannot be registered: {one_line(error)}", hint=hint) from error
    if not found:
        raise BackendError(f"{package} finds no GPU that it supports", hint=hint)
    return found[:1]


def _listed(provider: str) -> list[Any]:
    return [device for device in ort.get_ep_devices() if device.ep_name == provider]
