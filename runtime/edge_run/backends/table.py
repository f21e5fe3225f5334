"""The only list of backends: what each runs, where its code is, and why it does not run the other precisions."""

from __future__ import annotations

import importlib
import platform
from typing import TYPE_CHECKING, NamedTuple

from .installed import provider_library

if TYPE_CHECKING:
    from edge_run.backends.base import Runner, Unavailable
    from edge_run.backends.network import Network

AUTO = "auto"
CPU = "cpu"


class Backend(NamedTuple):
    """What edge-run knows about a backend before it imports anything of it.

    Attributes
    ----------
    module, runner
        The module and the class in it, a subclass of :class:`edge_run.backends.base.Runner`.
    precisions
        Precisions that it runs, best first.
    part
        A package, or a file inside one, that is installed if any part of the backend is.
    on_cpu
        Whether it computes on the processor; the others need an NVIDIA GPU.
    extra, modules
        The extra of edge-run that installs it, and the modules that the extra brings; empty where there is no extra.
    """

    module: str
    runner: str
    precisions: tuple[str, ...]
    part: str
    on_cpu: bool = False
    extra: str = ""
    modules: tuple[str, ...] = ()


_PROVIDERS = "edge_run.backends.onnxruntime.providers"

# In the order in which `auto` tries them.
BACKENDS: dict[str, Backend] = {
    "tensorrt": Backend(
        "edge_run.backends.tensorrt.runner",
        "TensorRTRunner",
        ("int8-trt-fp16", "int8-trt", "fp16", "fp32"),
        "tensorrt",
        extra="tensorrt",
        modules=("tensorrt", "cuda.bindings"),
    ),
    "tensorrt-ep": Backend(
        _PROVIDERS, "TensorRTProviderRunner", ("int8-trt", "fp16", "fp32"), provider_library("tensorrt")
    ),
    "rtx": Backend(_PROVIDERS, "RtxRunner", ("int8-trt", "fp16", "fp32"), "onnxruntime_ep_nv_tensorrt_rtx"),
    "cuda": Backend(_PROVIDERS, "CudaRunner", ("fp16", "fp32"), provider_library("cuda")),
    CPU: Backend(
        "edge_run.backends.onnxruntime.cpu", "CpuRunner", ("int8-cpu", "fp32", "fp16"), "onnxruntime", on_cpu=True
    ),
    "openvino": Backend(
        "edge_run.backends.openvino",
        "OpenVinoRunner",
        ("int8-trt", "int8-cpu", "fp32", "fp16", "bf16"),
        "openvino",
        on_cpu=True,
        extra="openvino",
        modules=("openvino",),
    ),
}

_ZERO_POINTS = "TensorRT refuses zero points other than 0, which int8-cpu has"
_FP16_GLUE = "int8-trt-fp16 is tested with native TensorRT alone; int8-trt is the same network for this backend"
_NO_BF16 = "bf16 is tested with OpenVINO alone, on processors that have it"
_NO_INT8 = "ONNX Runtime has no INT8 convolution on CUDA: it would compute in float"
REASONS: dict[tuple[str, str], str] = {
    ("tensorrt", "int8-cpu"): _ZERO_POINTS,
    ("tensorrt-ep", "int8-cpu"): _ZERO_POINTS,
    ("tensorrt-ep", "int8-trt-fp16"): _FP16_GLUE,
    ("rtx", "int8-cpu"): _ZERO_POINTS,
    ("rtx", "int8-trt-fp16"): _FP16_GLUE,
    ("cuda", "int8-cpu"): _NO_INT8,
    ("cuda", "int8-trt"): _NO_INT8,
    ("cuda", "int8-trt-fp16"): _NO_INT8,
    (CPU, "int8-trt"): "ONNX Runtime fuses none of its convolutions on a CPU: measured slower than fp32",
    (CPU, "int8-trt-fp16"): "ONNX Runtime fuses none of its convolutions on a CPU: measured at half the speed of fp32",
    ("openvino", "int8-trt-fp16"): _FP16_GLUE,
    **{(name, "bf16"): _NO_BF16 for name in BACKENDS if name != "openvino"},
}


def supported(backend: str, precision: str | None, available: tuple[str, ...]) -> tuple[str, ...]:
    """Return the available precisions that a backend runs, best first; only ``precision`` where one is named."""
    return tuple(p for p in BACKENDS[backend].precisions if p in available and precision in (None, p))


def why_not(backend: str, precision: str) -> str:
    """Return the reason why a backend does not run a precision."""
    return REASONS.get((backend, precision), f"{backend} does not know {precision}")


def computed_in(backend: str, precision: str) -> str:
    """Return the type in which a backend computes a precision, where the precision's name says another; else empty."""
    # ONNX Runtime has FP16 convolutions for Arm processors alone; elsewhere it converts to FP32 and back.
    in_fp32 = backend == "openvino" or (backend == CPU and platform.machine() in ("x86_64", "AMD64"))
    return "fp32" if precision == "fp16" and in_fp32 else ""


def unavailable(backend: str) -> Unavailable | None:
    """Return what keeps a backend of `BACKENDS` from running on this machine; None where nothing is known to."""
    # edge-run itself requires what the CPU needs: nothing is looked up, and nothing imported.
    return None if backend == CPU else _runner(backend).unavailable()


def open_runner(backend: str, network: Network, *, threads: int) -> Runner:
    """Load one network on a backend of `BACKENDS`, with ``threads`` threads where it computes on the CPU.

    Raises
    ------
    BackendError
        It cannot be loaded, or would run elsewhere than on the backend.
    """
    return _runner(backend)(network, threads=threads)


def _runner(backend: str) -> type[Runner]:
    entry = BACKENDS[backend]
    runner: type[Runner] = getattr(importlib.import_module(entry.module), entry.runner)
    return runner
