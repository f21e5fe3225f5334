"""ONNX Runtime's own TensorRT provider: engines are built when a network is first opened, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .providers import missing_built_in

if TYPE_CHECKING:
    from edge_run.backends.base import Missing, Network, Runner

PROVIDER = "TensorrtExecutionProvider"
INSTALL = (
    "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]', with the TensorRT that it was built "
    "for (10.x) on the loader's path; or --backend tensorrt"
)


def missing() -> Missing | None:
    """Say what keeps it from running here: ONNX Runtime's TensorRT library, or a GPU."""
    return missing_built_in("tensorrt", INSTALL)


def open_runner(network: Network, *, threads: int) -> Runner:
    """Load a network into TensorRT, whole; the first time, this builds an engine, which can take minutes.

    Raises
    ------
    BackendError
        TensorRT, CUDA or the GPU is missing, or TensorRT does not take the network.
    """
    from .cuda_libraries import preload
    from .gpu_runners import TensorRTProviderRunner, cache, profile
    from .session import Provider, open_strictly

    options: dict[str, Any] = profile("trt", network)
    # TensorRT 10 computes in what is allowed to it, not in what the network's types say.
    options |= {"trt_fp16_enable": network.precision == "fp16", "trt_int8_enable": network.precision == "int8-trt"}
    folder = cache(network, "tensorrt-ep")
    hint = INSTALL
    if folder is not None:
        options |= {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}
        options |= {"trt_timing_cache_enable": True, "trt_timing_cache_path": str(folder)}
        hint += f"; if TensorRT was changed, remove {folder}"
    preload()
    return open_strictly(
        TensorRTProviderRunner, network, Provider(PROVIDER, options, hint, "tensorrt"), threads=threads
    )
