"""One network as a TensorRT engine on the GPU."""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from edge_run.backends.base import Outputs, Runner
from edge_run.errors import BackendError

from . import api
from .device import Lane, Pair
from .log import log_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edge_run.backends.base import Network

    from .engines import Engine

SCAN, LOGITS, FEATURES = "scan", "logits", "features"


class TensorRTRunner(Runner):
    """An engine with a stream and pinned buffers of its own; nothing is allocated once it is open.

    Parameters
    ----------
    network, engine, plan
        As :func:`edge_run.backends.tensorrt.engines.load` checked them.

    Attributes
    ----------
    largest
        Most scans of one call of the engine; larger batches are several calls.
    recorded
        Whether a call is one CUDA graph: copies and kernels queued at once. Only a batch of 1 has one shape.

    Raises
    ------
    BackendError
        TensorRT or CUDA refuses; all that was taken until then is freed.
    """

    backend: ClassVar[str] = "tensorrt"

    def __init__(self, network: Network, engine: Engine, plan: bytes) -> None:
        super().__init__(network.name, network.size)
        self._trt, self._precision = api.tensorrt(), network.precision
        self._log = log_of(self._trt)
        with ExitStack() as opening:
            self._lane = opening.enter_context(closing(Lane(api.cuda())))
            opening.callback(self._forget)
            self._deserialize(plan, dla=engine.key.options.dla)
            self._pairs = {name: self._bind(name) for name in (SCAN, LOGITS, FEATURES)}
            self._graph = self._warm_up()
            self._opened = opening.pop_all()

    @property
    def recorded(self) -> bool:
        """See the class."""
        return self._graph is not None

    def _infer(self, batch: NDArray[np.uint8]) -> Outputs:
        if self._context is None:
            raise RuntimeError(f"{self.name} is closed")
        parts = [self._call(batch[n : n + self.largest]) for n in range(0, len(batch), self.largest)]
        logits, features = (np.concatenate(rows) for rows in zip(*parts, strict=True))
        return Outputs(logits, features)

    def close(self) -> None:
        """Free the engine, its memory and its stream."""
        self._opened.close()

    def _deserialize(self, plan: bytes, *, dla: bool) -> None:
        self._context: api.Foreign = None
        self._runtime: api.Foreign = self._trt.Runtime(self._log)
        if dla:
            self._runtime.DLA_core = 0
        self._engine: api.Foreign = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise self._failure("does not take the engine", hint=f"{self._again} --force")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise self._failure("has no memory for the engine", hint="close what else uses the GPU")
        names = [self._engine.get_tensor_name(n) for n in range(self._engine.num_io_tensors)]
        if set(names) != {SCAN, LOGITS, FEATURES}:
            raise self._failure(f"finds {', '.join(names)} in it, no bundle's network", hint=f"{self._again} --force")
        self.largest = int(self._engine.get_tensor_profile_shape(SCAN, 0)[2][0])
        self._rows = 0
        self._shape(self.largest)

    def _bind(self, name: str) -> Pair:
        shape = tuple(int(side) for side in self._context.get_tensor_shape(name))
        kinds = self._trt.DataType
        known: dict[object, type[np.generic]] = {kinds.UINT8: np.uint8, kinds.FLOAT: np.float32, kinds.HALF: np.float16}
        dtype = known.get(self._engine.get_tensor_dtype(name))
        if dtype is None or (name == SCAN) != (dtype is np.uint8) or min(shape) < 1:
            raise self._failure(f"gives {name} another type or shape than a bundle's network", f"{self._again} --force")
        pair = self._lane.pair(shape, dtype)
        self._require(self._context.set_tensor_address(name, pair.device), f"takes no memory for {name}")
        return pair

    def _warm_up(self) -> api.Foreign:
        # The first call sets up what the graph must find set up; it also shows that this engine runs here at all.
        self._pairs[SCAN].host[:] = 0
        self._queue(self.largest)
        self._lane.wait()
        if self.largest > 1:
            return None
        # What an engine may hold beside the GPU's kernels cannot always be recorded; it runs without as well.
        with suppress(BackendError):
            return self._lane.record(lambda: self._queue(1))
        return None

    def _call(self, part: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        rows = len(part)
        self._pairs[SCAN].host[:rows] = part
        if self._graph is not None:
            self._lane.replay(self._graph)
        else:
            self._queue(rows)
        self._lane.wait()
        # A copy also where the type stays: the next call overwrites the buffer.
        logits, features = (self._pairs[name].host[:rows].astype(np.float32) for name in (LOGITS, FEATURES))
        return logits, features

    def _queue(self, rows: int) -> None:
        self._shape(rows)
        self._lane.upload(self._pairs[SCAN], rows)
        self._require(self._context.execute_async_v3(int(self._lane.stream)), "does not run it")
        for name in (LOGITS, FEATURES):
            self._lane.download(self._pairs[name], rows)

    def _shape(self, rows: int) -> None:
        if rows != self._rows:
            taken = self._context.set_input_shape(SCAN, (rows, 1, self.size, self.size))
            self._require(taken, f"takes no {rows} scans of {self.size} pixels")
            self._rows = rows

    def _forget(self) -> None:
        # In this order: each needs the one after it until it is gone.
        self._graph = self._context = self._engine = self._runtime = None
        self._pairs = {}

    def _require(self, succeeded: bool, what: str) -> None:
        if not succeeded:
            raise self._failure(what, "edge-run verify BUNDLE; then choose another --precision or --backend")

    def _failure(self, what: str, hint: str) -> BackendError:
        said = f"{self.name}: TensorRT {self._trt.__version__} {what}: {self._log.last_errors()}"
        return BackendError(said, hint=hint)

    @property
    def _again(self) -> str:
        return f"edge-run compile BUNDLE --precision {self._precision}"
