"""ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import onnxruntime as ort

from .session import SessionRunner, session_options

if TYPE_CHECKING:
    from edge_run.backends.network import Network

PROVIDER = "CPUExecutionProvider"
# It would quantise before a max-pool what the artefact quantises behind it. The answer is the same, but behind a first
# convolution in float the pool then runs on bytes, in a kernel that takes as long as half of GoogLeNet.
_DISABLED = ["QDQPropagationTransformer"]


class CpuRunner(SessionRunner):
    """A session on the CPU."""

    backend: ClassVar[str] = "cpu"
    install: ClassVar[str] = "pip install --upgrade onnxruntime"

    def _open(self, network: Network, threads: int) -> None:
        self._session = ort.InferenceSession(
            network.model, session_options(threads), providers=[PROVIDER], disabled_optimizers=_DISABLED
        )
