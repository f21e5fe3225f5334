"""One network as a TensorRT engine on the GPU, built on this device by ``edge-run compile``."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, ClassVar

from edge_run.backends.base import Runner, Unavailable
from edge_run.backends.network import Outputs
from edge_run.errors import BackendError

from . import api
from .log import log_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edge_run.backends.network import Network

    from .device import HostDeviceBuffer

SCAN, LOGITS, FEATURES = "scan", "logits", "features"


class TensorRTRunner(Runner):
    """An engine with a CUDA stream and pinned buffers of its own; nothing is allocated once it is open.

    Attributes
    ----------
    max_batch
        Largest number of scans in one call of the engine; a larger batch is split.
    captured
        Whether a call is one CUDA graph: copies and kernels queued at once. Only an engine for batch 1 has one shape.
    """

    backend: ClassVar[str] = "tensorrt"
    library: ClassVar[str] = "TensorRT"
    install: ClassVar[str] = api.INSTALL_TENSORRT

    @classmethod
    def unavailable(cls) -> Unavailable | None:
        """Look for TensorRT, for cuda-bindings and for a GPU; TensorRT itself is not imported."""
        if not api.installed(api.TENSORRT):
            return Unavailable("TensorRT is not installed", api.INSTALL_TENSORRT, installed=False)
        if not api.installed(api.CUDA):
            return Unavailable("cuda-bindings is not installed", api.INSTALL_CUDA, installed=True)
        from .device import probe

        try:
            probe()
        except BackendError as error:
            return Unavailable(error.message, error.hint, installed=True)
        return None

    def _open(self, network: Network, threads: int) -> None:  # noqa: ARG002 - the GPU has its own
        from . import engines
        from .device import CudaStream, probe

        # Before anything of TensorRT, which can end the process where there is no GPU.
        gpu = probe()
        self._trt: api.TensorRT = api.tensorrt()
        self._log: api.ILogger = log_of(self._trt)
        self._precision = network.precision
        engine, plan = engines.load(network, self._trt.__version__, gpu)
        with ExitStack() as opening:
            self._stream = opening.enter_context(closing(CudaStream(api.cuda())))
            opening.callback(self._forget)
            self._deserialize(plan, dla=engine.key.options.dla)
            self._buffers = {name: self._bind(name) for name in (SCAN, LOGITS, FEATURES)}
            self._graph = self._warm_up()
            self._opened = opening.pop_all()

    @property
    def captured(self) -> bool:
        """Return whether a call is one CUDA graph."""
        return self._graph is not None

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        import numpy as np

        parts = [self._call(batch[n : n + self.max_batch]) for n in range(0, len(batch), self.max_batch)]
        logits, features = (np.concatenate(rows) for rows in zip(*parts, strict=True))
        return Outputs(logits, features)

    def _close(self) -> None:
        self._opened.close()

    def _deserialize(self, plan: bytes, *, dla: bool) -> None:
        self._context: api.IExecutionContext = None
        self._runtime: api.Runtime = self._trt.Runtime(self._log)
        if dla:
            self._runtime.DLA_core = 0
        self._engine: api.ICudaEngine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise self._failure("does not take the engine", hint=f"{self._again} --force")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise self._failure("has no memory for the engine", hint="close what else uses the GPU")
        names = [self._engine.get_tensor_name(n) for n in range(self._engine.num_io_tensors)]
        if set(names) != {SCAN, LOGITS, FEATURES}:
            raise self._failure(f"finds {', '.join(names)} in it, no bundle's network", hint=f"{self._again} --force")
        self.max_batch = int(self._engine.get_tensor_profile_shape(SCAN, 0)[2][0])
        self._rows = 0
        self._shape(self.max_batch)

    def _bind(self, name: str) -> HostDeviceBuffer:
        import numpy as np

        shape = tuple(int(side) for side in self._context.get_tensor_shape(name))
        kinds: api.DataType = self._trt.DataType
        known: dict[object, type[np.generic]] = {kinds.UINT8: np.uint8, kinds.FLOAT: np.float32, kinds.HALF: np.float16}
        dtype = known.get(self._engine.get_tensor_dtype(name))
        if dtype is None or (name == SCAN) != (dtype is np.uint8) or min(shape) < 1:
            raise self._failure(f"gives {name} another type or shape than a bundle's network", f"{self._again} --force")
        buffer = self._stream.allocate(shape, dtype)
        self._require(self._context.set_tensor_address(name, buffer.device), f"takes no memory for {name}")
        return buffer

    def _warm_up(self) -> api.CudaValue:
        # The first call sets up what the graph must find set up; it also shows that this engine runs here at all.
        self._buffers[SCAN].host[:] = 0
        self._queue(self.max_batch)
        self._stream.synchronize()
        if self.max_batch > 1:
            return None
        # What an engine may hold beside the GPU's kernels cannot always be captured; it runs without as well.
        with suppress(BackendError):
            return self._stream.capture(lambda: self._queue(1))
        return None

    def _call(self, part: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import numpy as np

        rows = len(part)
        self._buffers[SCAN].host[:rows] = part
        if self._graph is not None:
            self._stream.launch(self._graph)
        else:
            self._queue(rows)
        self._stream.synchronize()
        # A copy also where the type stays: the next call overwrites the buffer.
        logits, features = (self._buffers[name].host[:rows].astype(np.float32) for name in (LOGITS, FEATURES))
        return logits, features

    def _queue(self, rows: int) -> None:
        self._shape(rows)
        self._stream.upload(self._buffers[SCAN], rows)
        self._require(self._context.execute_async_v3(int(self._stream.stream)), "does not run it")
        for name in (LOGITS, FEATURES):
            self._stream.download(self._buffers[name], rows)

    def _shape(self, rows: int) -> None:
        if rows != self._rows:
            taken = self._context.set_input_shape(SCAN, (rows, 1, self.size, self.size))
            self._require(taken, f"takes no {rows} scans of {self.size} pixels")
            self._rows = rows

    def _forget(self) -> None:
        # In this order: each needs the one after it until it is gone.
        self._graph = self._context = self._engine = self._runtime = None
        self._buffers = {}

    def _require(self, succeeded: bool, what: str) -> None:
        if not succeeded:
            raise self._failure(what, "edge-run verify BUNDLE; then choose another --precision or --backend")

    def _failure(self, what: str, hint: str) -> BackendError:
        text = f"{self.name}: TensorRT {self._trt.__version__} {what}: {self._log.last_errors()}"
        return BackendError(text, hint=hint)

    @property
    def _again(self) -> str:
        return f"edge-run compile BUNDLE --precision {self._precision}"
