"""A network compiled by OpenVINO."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from edge_run.backends.base import Outputs, Runner
from edge_run.errors import BackendError

from .onnxruntime.providers import one_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.backends.base import Network

# The key under which an ONNX tensor names the file that its values lie in.
_EXTERNAL = b"location"
# OpenVINO's bindings set up some of what they need at their first call, and two threads that are first wait for each
# other for ever: one with Python's lock, the other with the set-up's.
_FIRST_CALL = threading.Lock()


class OpenVinoRunner(Runner):
    """A compiled model of its own threads."""

    backend: ClassVar[str] = "openvino"

    def __init__(self, compiled: Any, name: str, size: int) -> None:  # noqa: ANN401 - OpenVINO may not be installed
        super().__init__(name, size)
        self._compiled: Any = compiled

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        if self._compiled is None:
            raise RuntimeError(f"{self.name} is closed")
        try:
            # A request of its own: several callers may ask at once.
            found = self._compiled.create_infer_request().infer({"scan": batch})
            return Outputs(found["logits"], found["features"])
        except (RuntimeError, KeyError) as error:
            raise BackendError(
                f"{self.name} fails in OpenVINO: {one_line(error)}",
                hint="edge-run verify BUNDLE; then choose another --precision or --backend",
            ) from error

    def close(self) -> None:
        """Free the model."""
        self._compiled = None


def compile_network(network: Network, *, threads: int) -> OpenVinoRunner:
    """Compile an ONNX model held in memory.

    Raises
    ------
    BackendError
        OpenVINO is missing or cannot compile it, or the model would read other files.
    """
    hint = "pip install --upgrade 'edge-run[openvino]'; or --backend cpu"
    # OpenVINO reads weights from any file that a model names, and has no option to forbid it.
    if _EXTERNAL in network.model:
        raise BackendError(f"{network.name} keeps weights outside its file", hint="do not use this bundle")
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        # Members that run side by side would be pinned to the same first cores.
        "ENABLE_CPU_PINNING": False,
        # Where the processor has bfloat16, OpenVINO would otherwise compute in it what was exported as fp32.
        "INFERENCE_PRECISION_HINT": "f32",
    }
    import numpy as np

    blank = np.zeros((1, 1, network.size, network.size), np.uint8)
    try:
        # Not an import statement, so that types are checked alike where OpenVINO is not installed.
        core = importlib.import_module("openvino").Core()
        compiled = core.compile_model(core.read_model(network.model), "CPU", settings)
        with _FIRST_CALL:
            compiled.create_infer_request().infer([blank])
    except (ImportError, RuntimeError, OSError) as error:
        raise BackendError(f"OpenVINO cannot load {network.name}: {one_line(error)}", hint=hint) from error
    return OpenVinoRunner(compiled, network.name, network.size)
