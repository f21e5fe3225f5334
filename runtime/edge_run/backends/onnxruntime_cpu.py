"""ONNX Runtime on the CPU."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import onnxruntime as ort

from edge_run.errors import BackendError
from edge_run.runner import Outputs, Runner

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.runner import Network

PROVIDER = "CPUExecutionProvider"
# What goes wrong is raised as an exception; ONNX Runtime would write it to stderr as well.
_FATAL_ONLY = 4
# Weights outside the model's own file would be read from here, where no file can be.
_NOWHERE = os.devnull


class CpuRunner(Runner):
    """A session of its own threads, which sleep when they wait: several sessions then do not fight for the cores."""

    backend: ClassVar[str] = "cpu"

    def __init__(self, session: ort.InferenceSession, name: str, size: int) -> None:
        super().__init__(name, size)
        self._session: ort.InferenceSession | None = session

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        if self._session is None:
            raise RuntimeError(f"{self.name} is closed")
        try:
            logits, features = self._session.run(["logits", "features"], {"scan": batch})
        except Exception as error:
            raise BackendError(
                f"{self.name} fails in ONNX Runtime {ort.__version__}: {error}",
                mend="edge-run verify BUNDLE; then choose another --precision",
            ) from error
        return Outputs(np.asarray(logits), np.asarray(features))

    def close(self) -> None:
        """Free the session."""
        self._session = None


def open_runner(network: Network, *, threads: int) -> Runner:
    """Load an ONNX model with ``threads`` threads.

    Raises
    ------
    BackendError
        ONNX Runtime cannot load it.
    """
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NOWHERE)
    try:
        session = ort.InferenceSession(network.model, options, providers=[PROVIDER])
    # ONNX Runtime raises a class per status code, which share no public base below Exception.
    except Exception as error:
        raise BackendError(
            f"ONNX Runtime {ort.__version__} cannot load {network.name}: {error}",
            mend="pip install --upgrade onnxruntime",
        ) from error
    return CpuRunner(session, network.name, network.size)
