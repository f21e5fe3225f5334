"""Which backends there are, what each runs, and why it does not run the rest."""

from __future__ import annotations

from typing import NamedTuple

from .parts import provider

AUTO = "auto"
CPU = "cpu"


class Backend(NamedTuple):
    """What a choice needs to know before anything is imported.

    Attributes
    ----------
    module
        Holds ``open_runner`` and ``missing``.
    precisions
        What it can run, best first.
    part
        What is there if anything of it is: a package, or a file inside one.
    """

    module: str
    precisions: tuple[str, ...]
    part: str


# In the order in which `auto` tries them.
BACKENDS: dict[str, Backend] = {
    "tensorrt": Backend(
        "edge_run.backends.tensorrt.backend", ("int8-trt-fp16", "int8-trt", "fp16", "fp32"), "tensorrt"
    ),
    "tensorrt-ep": Backend(
        "edge_run.backends.onnxruntime.tensorrt", ("int8-trt", "fp16", "fp32"), provider("tensorrt")
    ),
    "rtx": Backend("edge_run.backends.onnxruntime.rtx", ("int8-trt", "fp16", "fp32"), "onnxruntime_ep_nv_tensorrt_rtx"),
    "cuda": Backend("edge_run.backends.onnxruntime.cuda", ("fp16", "fp32"), provider("cuda")),
    CPU: Backend("edge_run.backends.onnxruntime.cpu", ("int8-cpu", "fp32", "fp16"), "onnxruntime"),
    "openvino": Backend("edge_run.backends.openvino", ("int8-trt", "int8-cpu", "fp32", "fp16"), "openvino"),
}
ON_THE_CPU = (CPU, "openvino")

_ZERO_POINTS = "TensorRT refuses zero points other than 0, which int8-cpu has"
_FP16_GLUE = "int8-trt-fp16 is tried with native TensorRT alone; int8-trt is the same network for this backend"
_NO_INT8 = "ONNX Runtime has no INT8 convolution on CUDA: it would compute in float"
UNFIT: dict[tuple[str, str], str] = {
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
}


def fitting(backend: str, precision: str | None, available: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the available precisions that a backend runs, best first; where one is asked for, that one or none."""
    return tuple(p for p in BACKENDS[backend].precisions if p in available and precision in (None, p))


def unfit(backend: str, precision: str) -> str:
    """Why a backend does not run a precision."""
    return UNFIT.get((backend, precision), f"{backend} does not know {precision}")
