"""edge-run itself: members side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from benchmarks.latency.peers.form import Form
from benchmarks.latency.peers.material import INT8

if TYPE_CHECKING:
    from contextlib import ExitStack

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.latency.peers.form import Call
    from benchmarks.latency.peers.material import Material
    from edge_run.backends.base import Runner

NAME = "edge-run"
ON_OPENVINO = "edge-run --backend openvino"
HOW = "members side by side"


def forms(material: Material) -> list[Form]:
    """The bundle's INT8, and the same scheduling for networks in FP32."""

    def int8(stack: ExitStack, backend: str) -> Call:
        from edge_run import Ensemble

        ensemble = stack.enter_context(Ensemble(material.bundle, precision=INT8, backend=backend))
        return lambda: [out.logits for out in ensemble.outputs(material.scan)]

    def answer(runner: Runner) -> NDArray[np.float32]:
        return runner.run(material.scan).logits

    def fp32(stack: ExitStack) -> Call:
        from edge_run.backends import open_runner
        from edge_run.backends.network import Network

        runners = [
            stack.enter_context(
                open_runner("cpu", Network(p.read_bytes(), p.name, "fp32", material.size), threads=material.share)
            )
            for p in material.fp32
        ]
        return material.side_by_side([partial(answer, runner) for runner in runners], stack)

    return [
        Form(NAME, "INT8", HOW, partial(int8, backend="cpu"), "int8-cpu"),
        Form(ON_OPENVINO, "INT8", HOW, partial(int8, backend="openvino"), "int8-cpu"),
        Form(NAME, "FP32", HOW, fp32, "fp32"),
    ]
