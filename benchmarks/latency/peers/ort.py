"""ONNX Runtime: sessions as they are by default, and as its page on thread management advises for several of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.latency.peers.form import Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from benchmarks.latency.peers.form import Call
    from benchmarks.latency.peers.material import Material

DEFAULT = "ONNX Runtime, defaults"
TUNED = "ONNX Runtime, spinning off"
HOW = "one after another, all threads"


def forms(material: Material) -> list[Form]:
    """Both, with FP32 and with the bundle's INT8."""

    def sessions(models: Callable[[], Sequence[bytes]], *, spin: bool) -> Callable[[ExitStack], Call]:
        def open_(_: ExitStack) -> Call:
            import onnxruntime as ort

            options = ort.SessionOptions()
            if not spin:
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
            providers = ["CPUExecutionProvider"]
            opened = [ort.InferenceSession(model, options, providers=providers) for model in models()]
            feed = {"scan": material.scan}
            return lambda: [np.asarray(session.run(None, feed)[0]) for session in opened]

        return open_

    sources = {
        ("INT8", "int8-cpu"): lambda: material.int8_cpu,
        ("FP32", "fp32"): lambda: [path.read_bytes() for path in material.fp32],
    }
    return [
        Form(peer, precision, HOW, sessions(source, spin=peer == DEFAULT), like)
        for (precision, like), source in sources.items()
        for peer in (DEFAULT, TUNED)
    ]
