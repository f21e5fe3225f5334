"""ONNX Runtime on an NVIDIA GPU, through CUDA and cuDNN."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .providers import missing_built_in

if TYPE_CHECKING:
    from edge_run.backends.base import Missing, Network, Runner

PROVIDER = "CUDAExecutionProvider"
INSTALL = (
    "pip uninstall onnxruntime, then pip install 'onnxruntime-gpu[cuda,cudnn]' (a Jetson needs a build for its own GPU)"
)


def missing() -> Missing | None:
    """Say what keeps it from running here: ONNX Runtime's CUDA library, or a GPU."""
    return missing_built_in("cuda", INSTALL)


def open_runner(network: Network, *, threads: int) -> Runner:
    """Load a network on the GPU, whole.

    Raises
    ------
    BackendError
        CUDA, cuDNN, the driver or kernels for this GPU are missing.
    """
    from .cuda_libraries import preload
    from .gpu_runners import CudaRunner
    from .session import Provider, open_strictly

    options = {
        # An exhaustive search would run again for every size of batch.
        "cudnn_conv_algo_search": "HEURISTIC",
        # TensorFloat-32 keeps ten bits of the mantissa: no longer the fp32 that was exported and compared.
        "use_tf32": int(network.precision != "fp32"),
    }
    preload()
    return open_strictly(CudaRunner, network, Provider(PROVIDER, options, INSTALL, "cuda"), threads=threads)
