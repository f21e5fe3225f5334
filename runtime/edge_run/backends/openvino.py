"""OpenVINO on the CPU."""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING, Any, ClassVar

from edge_run.backends.base import Runner, Unavailable
from edge_run.backends.network import Outputs
from edge_run.errors import BackendError

from .installed import locate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.backends.network import Network

# OpenVINO's bindings set up some of what they need at their first call, and two threads that are first wait for each
# other for ever: one with Python's lock, the other with the set-up's.
_FIRST_CALL = threading.Lock()


class OpenVinoRunner(Runner):
    """A compiled model with threads of its own."""

    backend: ClassVar[str] = "openvino"
    library: ClassVar[str] = "OpenVINO"
    install: ClassVar[str] = "pip install --upgrade 'edge-run[openvino]'; or --backend cpu"

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Look for OpenVINO's package."""
        if locate("openvino"):
            return None
        return Unavailable("the package openvino is not installed", "pip install 'edge-run[openvino]'", installed=False)

    def _open(self, network: Network, threads: int) -> None:
        import numpy as np

        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads,
            # Members that run side by side would be pinned to the same first cores.
            "ENABLE_CPU_PINNING": False,
            # Where the processor has bfloat16, OpenVINO would otherwise compute in it what was exported as fp32.
            "INFERENCE_PRECISION_HINT": "bf16" if network.precision == "bf16" else "f32",
        }
        # Not an import statement, so that types are checked alike where OpenVINO is not installed.
        core = importlib.import_module("openvino").Core()
        if network.precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise BackendError("this processor has no bfloat16 instructions", hint="choose another --precision")
        self._compiled: Any = core.compile_model(core.read_model(network.model), "CPU", settings)
        with _FIRST_CALL:
            self._compiled.create_infer_request().infer([np.zeros((1, 1, network.size, network.size), np.uint8)])

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        # A request of its own for each call: several callers may call at once.
        answers = self._compiled.create_infer_request().infer({"scan": batch})
        return Outputs(answers["logits"], answers["features"])

    def _close(self) -> None:
        del self._compiled
