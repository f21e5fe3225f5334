"""ONNX Runtime on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnxruntime as ort

from edge_run.errors import BackendError
from edge_run.runner import Outputs, Runner

if TYPE_CHECKING:
    from numpy.typing import NDArray

PROVIDER = "CPUExecutionProvider"
_ERRORS_ONLY = 3


class CpuRunner(Runner):
    """A session of its own threads, which sleep when they wait: several sessions then do not fight for the cores."""

    backend: ClassVar[str] = "cpu"

    def __init__(self, session: ort.InferenceSession, name: str, size: int) -> None:
        super().__init__(name, size)
        self._session: ort.InferenceSession | None = session

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        if self._session is None:
            raise RuntimeError(f"{self.name} is closed")
        logits, features = self._session.run(["logits", "features"], {"scan": batch})
        return Outputs(np.asarray(logits), np.asarray(features))

    def close(self) -> None:
        """Free the session."""
        self._session = None


def open_runner(model: bytes, *, name: str, size: int, threads: int) -> Runner:
    """Load an ONNX model with ``threads`` threads.

    Raises
    ------
    BackendError
        ONNX Runtime cannot load it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(model, options, providers=[PROVIDER])
    # ONNX Runtime raises a class per status code, which share no public base below Exception.
    except Exception as error:
        raise BackendError(
            f"ONNX Runtime {ort.__version__} cannot load {name}: {error}",
            mend="pip install --upgrade onnxruntime",
        ) from error
    return CpuRunner(session, name, size)
