"""ONNX Runtime's providers for NVIDIA's GPUs: CUDA, TensorRT, and the plugin of TensorRT for RTX."""

from __future__ import annotations

import contextlib
import functools
import importlib
import io
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from edge_run._files import make_folder
from edge_run.backends.base import one_line
from edge_run.backends.ownership import require_our_folder
from edge_run.errors import BackendError

from .gpu import GpuRunner

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends.network import Network

# Engines are built for a range of batches, and tuned for one scan.
MAX_BATCH = 8
RTX_PACKAGE = "onnxruntime_ep_nv_tensorrt_rtx"
_LOCK = threading.Lock()


class CudaRunner(GpuRunner):
    """A session on CUDA and cuDNN."""

    backend: ClassVar[str] = "cuda"
    install: ClassVar[str] = (
        "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]' "
        "(a Jetson needs a build for its own GPU)"
    )
    provider: ClassVar[str] = "CUDAExecutionProvider"
    part: ClassVar[str] = "cuda"

    def _options(self, network: Network) -> dict[str, Any]:
        _preload()
        return {
            # An exhaustive search would run again for every size of batch.
            "cudnn_conv_algo_search": "HEURISTIC",
            # TensorFloat-32 keeps ten bits of the mantissa: no longer the fp32 that was exported and compared.
            "use_tf32": int(network.precision != "fp32"),
        }


class TensorRTProviderRunner(GpuRunner):
    """A session on TensorRT, whose engine is built when the network is first opened, which can take minutes."""

    backend: ClassVar[str] = "tensorrt-ep"
    install: ClassVar[str] = (
        "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]', with the TensorRT that it was "
        "built for (10.x) on the loader's path; or --backend tensorrt"
    )
    provider: ClassVar[str] = "TensorrtExecutionProvider"
    part: ClassVar[str] = "tensorrt"
    max_batch: ClassVar[int | None] = MAX_BATCH

    def _options(self, network: Network) -> dict[str, Any]:
        _preload()
        options = _profile("trt", network)
        # TensorRT 10 computes in what is allowed to it, not in what the network's types say.
        options |= {"trt_fp16_enable": network.precision == "fp16", "trt_int8_enable": network.precision == "int8-trt"}
        folder = _cache(network, self.backend)
        if folder is not None:
            options |= {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}
            options |= {"trt_timing_cache_enable": True, "trt_timing_cache_path": str(folder)}
        return options

    def _hint(self, options: dict[str, Any]) -> str:
        folder = options.get("trt_engine_cache_path")
        return f"{self.install}; if TensorRT was changed, remove {folder}" if folder else self.install


class RtxRunner(GpuRunner):
    """A session on TensorRT for RTX, a plugin that needs nothing but Python packages and a desktop GPU."""

    backend: ClassVar[str] = "rtx"
    install: ClassVar[str] = (
        "pip install --upgrade onnxruntime onnxruntime-ep-nv-tensorrt-rtx-cu13 (RTX GPUs of Ampere or newer)"
    )
    provider: ClassVar[str] = "NvTensorRTRTXExecutionProvider"
    max_batch: ClassVar[int | None] = MAX_BATCH

    @classmethod
    def _not_installed(cls) -> str:
        return f"the package {RTX_PACKAGE} is not installed"

    def _options(self, network: Network) -> dict[str, Any]:
        folder = _cache(network, self.backend)
        return _profile("nv", network) | ({"nv_runtime_cache_path": str(folder)} if folder else {})

    def _devices(self) -> list[Any]:
        """Register the plugin, once in this process, and return the first GPU that it can use."""
        import onnxruntime as ort

        if not hasattr(ort, "get_ep_devices"):
            raise BackendError(f"{self._library()} takes no plugins", hint=self.install)
        with _LOCK:
            try:
                if not self._listed():
                    plugin = importlib.import_module(RTX_PACKAGE)
                    ort.register_execution_provider_library(self.provider, plugin.get_library_path())
                devices = self._listed()
            # Where the driver is missing, this is whatever the loader, the package or ONNX Runtime raises.
            except Exception as error:
                raise BackendError(
                    f"{RTX_PACKAGE} cannot be registered: {one_line(error)}", hint=self.install
                ) from error
        if not devices:
            raise BackendError(f"{RTX_PACKAGE} finds no GPU that it supports", hint=self.install)
        return devices[:1]

    def _listed(self) -> list[Any]:
        import onnxruntime as ort

        return [device for device in ort.get_ep_devices() if device.ep_name == self.provider]


def _preload() -> None:
    """Load CUDA and cuDNN from their Python packages, which the system's loader does not see by itself."""
    with _LOCK:
        _preload_once()


@functools.cache
def _preload_once() -> None:
    import onnxruntime as ort

    # It prints what it does not find to stdout, where the answers go.
    with contextlib.redirect_stdout(io.StringIO()):
        ort.preload_dlls()


def _profile(prefix: str, network: Network) -> dict[str, Any]:
    """Return options for batches of 1 to `MAX_BATCH` scans, tuned for 1."""
    shape = f"x1x{network.size}x{network.size}"
    batches = {"min": 1, "opt": 1, "max": MAX_BATCH}
    return {f"{prefix}_profile_{bound}_shapes": f"scan:{n}{shape}" for bound, n in batches.items()}


def _cache(network: Network, backend: str) -> Path | None:
    """Make the folder that a provider keeps this network's engines in; None where nothing can be kept.

    The providers name an engine by the graph's structure, not by its weights, so that two trainings of one network
    would share an engine. So each file of weights has a folder of its own, as has each ONNX Runtime.

    Raises
    ------
    BackendError
        Another user owns the folder or a file in it, or may write to it.
    """
    import onnxruntime as ort

    if network.engines is None:
        return None
    folder = network.engines / f"{backend}-{ort.__version__}" / f"{network.sha256[:32]}.{network.precision}"
    try:
        make_folder(folder)
    except OSError:
        return None
    require_our_folder(folder)
    return folder
