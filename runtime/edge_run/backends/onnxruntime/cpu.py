"""ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import onnxruntime as ort

from edge_run.errors import BackendError

from .session import SessionRunner, session_options

if TYPE_CHECKING:
    from edge_run.backends.base import Missing, Network

PROVIDER = "CPUExecutionProvider"
# It quantises before a max-pool what the artefact quantises behind it. The answer is the same, but behind a first
# convolution in float the pool then runs on bytes in a kernel that takes as long as half of GoogLeNet.
_HARMFUL_HERE = ["QDQPropagationTransformer"]


class CpuRunner(SessionRunner):
    """A session of its own threads, which sleep when they wait: several sessions then do not fight for the cores."""

    backend: ClassVar[str] = "cpu"


def missing() -> Missing | None:
    """Nothing can be: ONNX Runtime is one of edge-run's own requirements."""
    return None


def open_runner(network: Network, *, threads: int) -> CpuRunner:
    """Load an ONNX model with ``threads`` threads.

    Raises
    ------
    BackendError
        ONNX Runtime cannot load it.
    """
    try:
        session = ort.InferenceSession(
            network.model, session_options(threads), providers=[PROVIDER], disabled_optimizers=_HARMFUL_HERE
        )
    # ONNX Runtime raises a class per status code, which share no public base below Exception.
    except Exception as error:
        raise BackendError(
            f"ONNX Runtime {ort.__version__} cannot load {network.name}: {error}",
            hint="pip install --upgrade onnxruntime",
        ) from error
    return CpuRunner(session, network.name, network.size)
