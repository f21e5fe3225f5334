"""A session of ONNX Runtime: its options, its calls and its errors, for every provider."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from edge_run.backends.base import Runner
from edge_run.backends.network import Outputs

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort
    from numpy.typing import NDArray

# What goes wrong is raised as an exception; ONNX Runtime would write it to stderr as well.
FATAL_ONLY = 4
# ONNX Runtime would read weights outside the model's own file from this folder, which is none.
_NO_FOLDER = os.devnull


class SessionRunner(Runner):
    """A network in a session of ONNX Runtime; a subclass says how it is opened.

    Attributes
    ----------
    max_batch
        Largest number of scans in one call, where the provider bounds it; a larger batch is split.
    """

    library: ClassVar[str] = "ONNX Runtime"
    max_batch: ClassVar[int | None] = None
    _session: ort.InferenceSession
    _run_options: ort.RunOptions | None = None

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        import numpy as np

        size = self.max_batch or len(batch)
        parts = [self._call(batch[n : n + size]) for n in range(0, len(batch), size)]
        return parts[0] if len(parts) == 1 else Outputs(*map(np.concatenate, zip(*parts, strict=True)))

    def _call(self, batch: NDArray[np.uint8]) -> Outputs:
        import numpy as np
        import onnxruntime as ort

        if self._run_options is None:
            self._run_options = ort.RunOptions()
        logits, features = self._session.run(["logits", "features"], {"scan": batch}, self._run_options)
        return Outputs(np.asarray(logits), np.asarray(features))

    def cancel(self) -> None:
        """End calls that are running in other threads, between two operators; later calls run as before."""
        running, self._run_options = self._run_options, None
        if running is not None:
            running.terminate = True

    def _close(self) -> None:
        del self._session

    def _library(self) -> str:
        import onnxruntime as ort

        return f"{self.library} {ort.__version__}"


def session_options(threads: int) -> ort.SessionOptions:
    """Return options for a session with threads of its own, which sleep while they wait, and no files but the model.

    Threads that sleep leave the cores to the other sessions of an ensemble.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = FATAL_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", _NO_FOLDER)
    return options
