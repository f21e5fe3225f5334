"""OpenVINO with its latency hint: networks one after another, started together, and side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.latency.peers.form import Form
from edge_run.machine.processor import cpu_flags

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.latency.peers.form import Call, Logits
    from benchmarks.latency.peers.material import Material

NAME = "OpenVINO"
ONE_THREAD: dict[str, Any] = {"NUM_STREAMS": 1, "ENABLE_CPU_PINNING": False}
"""For networks side by side: pinned, all would sit on the first core."""


def forms(material: Material) -> list[Form]:
    """Each source of a network in each way of running four of them.

    Where the processor has bfloat16, OpenVINO computes an FP32 network in it by default: that is a row of its own.
    """
    sources: dict[tuple[str, str, str], Callable[[], Sequence[object]]] = {
        ("INT8", "U8 Q/DQ (int8-cpu)", "int8-cpu"): lambda: material.int8_cpu,
        ("INT8", "S8 Q/DQ (int8-trt)", ""): lambda: material.int8_trt,
        ("INT8", "quantised by NNCF", ""): lambda: material.nncf,
        ("FP32", "", "fp32"): lambda: material.fp32,
    }
    if "avx512_bf16" in cpu_flags():
        sources["BF16", "the FP32 networks, as by default here", "bf16"] = lambda: material.fp32
    ways = {
        "one after another": _in_turn,
        "started together": _together,
        "side by side, one thread each": _side_by_side,
    }
    return [
        Form(NAME, precision, f"{what}, {how}" if what else how, _opener(material, source, way, precision), like)
        for (precision, what, like), source in sources.items()
        for how, way in ways.items()
    ]


def _opener(
    material: Material,
    source: Callable[[], Sequence[object]],
    way: Callable[[Material, Sequence[Any], dict[str, object], ExitStack], Call],
    precision: str,
) -> Callable[[ExitStack], Call]:
    settings: dict[str, object] = {"INFERENCE_PRECISION_HINT": "f32"} if precision == "FP32" else {}
    return lambda stack: way(material, source(), settings, stack)


def _compiled(models: Sequence[object], **settings: object) -> list[Any]:
    """Compile ONNX bytes or paths; the first call of each is made here, since two at once can wait for each other."""
    import openvino

    core = openvino.Core()
    return [core.compile_model(core.read_model(m), "CPU", {"PERFORMANCE_HINT": "LATENCY", **settings}) for m in models]


def _in_turn(material: Material, models: Sequence[object], settings: dict[str, object], _: ExitStack) -> Call:
    requests = [compiled.create_infer_request() for compiled in _compiled(models, **settings)]
    return lambda: [request.infer([material.scan])["logits"] for request in requests]


def _together(material: Material, models: Sequence[object], settings: dict[str, object], _: ExitStack) -> Call:
    requests = [compiled.create_infer_request() for compiled in _compiled(models, **settings)]
    heaviest_first = sorted(range(len(requests)), key=lambda m: -material.macs[m])

    def call() -> Logits:
        for m in heaviest_first:
            requests[m].start_async([material.scan])
        for request in requests:
            request.wait()
        return [request.results["logits"] for request in requests]

    return call


def _side_by_side(material: Material, models: Sequence[object], settings: dict[str, object], stack: ExitStack) -> Call:
    own = ONE_THREAD | settings | {"INFERENCE_NUM_THREADS": material.share}
    requests = [compiled.create_infer_request() for compiled in _compiled(models, **own)]
    for request in requests:
        request.infer([material.scan])

    def answer(request: Any) -> NDArray[np.float32]:  # noqa: ANN401 - OpenVINO has no types
        logits: NDArray[np.float32] = request.infer([material.scan])["logits"]
        return logits

    return material.side_by_side([partial(answer, request) for request in requests], stack)
