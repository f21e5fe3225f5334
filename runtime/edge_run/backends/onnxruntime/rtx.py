"""TensorRT for RTX, as a plugin provider of ONNX Runtime: a GPU of a desktop, with nothing but Python packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edge_run.backends.base import Missing
from edge_run.backends.parts import located
from edge_run.machine.accelerators import has_nvidia_gpu

from .providers import DRIVER, NO_GPU

if TYPE_CHECKING:
    from edge_run.backends.base import Network, Runner

PROVIDER = "NvTensorRTRTXExecutionProvider"
PACKAGE = "onnxruntime_ep_nv_tensorrt_rtx"
INSTALL = "pip install --upgrade onnxruntime onnxruntime-ep-nv-tensorrt-rtx-cu13 (RTX GPUs of Ampere or newer)"


def missing() -> Missing | None:
    """Say what keeps it from running here: the plugin's package, or a GPU."""
    if located(PACKAGE) is None:
        return Missing(f"the package {PACKAGE} is not installed", INSTALL, installed=False)
    return None if has_nvidia_gpu() else Missing(NO_GPU, DRIVER, installed=True)


def open_runner(network: Network, *, threads: int) -> Runner:
    """Load a network into TensorRT for RTX, whole.

    Raises
    ------
    BackendError
        The plugin, the driver or an RTX GPU is missing, or the plugin does not take the network.
    """
    from .gpu_runners import RtxRunner, cache, profile
    from .rtx_plugin import devices
    from .session import Provider, open_strictly

    options: dict[str, Any] = profile("nv", network)
    folder = cache(network, "rtx")
    if folder is not None:
        options["nv_runtime_cache_path"] = str(folder)
    provider = Provider(PROVIDER, options, INSTALL, devices=devices(PACKAGE, PROVIDER, INSTALL))
    return open_strictly(RtxRunner, network, provider, threads=threads)
