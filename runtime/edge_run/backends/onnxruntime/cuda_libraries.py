"""CUDA's and cuDNN's libraries from Python packages, which the system's loader does not see by itself."""

from __future__ import annotations

import contextlib
import functools
import io
import threading

import onnxruntime as ort

_LOCK = threading.Lock()


def preload() -> None:
    """Load them once in this process, where they are installed as packages; elsewhere the loader's path counts."""
    with _LOCK:
        _preload()


@functools.cache
def _preload() -> None:
    # It prints what it does not find, to stdout, where the answers go.
    with contextlib.redirect_stdout(io.StringIO()):
        ort.preload_dlls()
