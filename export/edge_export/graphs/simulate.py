"""Run any artefact on this machine's CPU: for TensorRT's too, the numbers are right, only the speed is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime as ort

from edge_run.errors import BackendError
from edge_run.flags.feature_distance import pool
from edge_run.machine.cores import allowed_cores

from .graph import INPUT, OUTPUTS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

BATCH = 8


class Simulation:
    """An artefact in ONNX Runtime on the CPU.

    Parameters
    ----------
    model
        The artefact's file, or its bytes.
    half_scales
        The artefact has Q/DQ scales in FP16. ONNX Runtime's optimiser would compute wrong biases from them (they
        underflow), so that it must leave quantisation alone.

    Raises
    ------
    BackendError
        ONNX Runtime cannot load it.
    """

    def __init__(self, model: Path | bytes, *, half_scales: bool = False) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = allowed_cores()
        options.log_severity_level = 4
        if half_scales:
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        try:
            self._session = ort.InferenceSession(
                model if isinstance(model, bytes) else model.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # a class per status code, without a public base
            name = "the network" if isinstance(model, bytes) else model.name
            raise BackendError(
                f"ONNX Runtime {ort.__version__} cannot load {name}: {error}",
                hint="pip install --upgrade 'edge-run[export]'",
            ) from error

    def run(self, scans: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and features of ``[N, 1, size, size] uint8``."""
        logits, features = self._session.run(list(OUTPUTS), {INPUT: scans})
        return np.asarray(logits), np.asarray(features)

    def logits(self, scans: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Logits ``[N, classes]``, a few scans at a time; NaN where the features of a scan are not finite."""
        batches = []
        for start in range(0, len(scans), BATCH):
            logits, features = self.run(scans[start : start + BATCH])
            whole = np.isfinite(features.reshape(len(features), -1)).all(axis=1, keepdims=True)
            batches.append(np.where(whole, logits, np.float32(np.nan)))
        return np.concatenate(batches)

    def pooled(self, scans: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Features averaged over the map, ``[N, width]``, of ``[N, 1, size, size] uint8``, a few scans at a time."""
        starts = range(0, len(scans), BATCH)
        return np.concatenate([pool(self.run(scans[start : start + BATCH])[1]) for start in starts])
