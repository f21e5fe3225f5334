"""A CUDA and a TensorRT without a GPU, with the names, signatures and habits of the real ones.

CUDA's calls return tuples; what is queued on a stream is done when someone waits for it; copies that are not to be
waited for need pinned memory; an address that was never taken, or was freed, is noticed. TensorRT's calls return False
or None where they fail, and its runtime ends the process where CUDA has no GPU.
"""

# ruff: noqa: ARG002, N801, N802, N815 - the names and signatures are NVIDIA's

from __future__ import annotations

import ctypes
import enum
import json
import sys
from importlib.machinery import ModuleSpec
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

GPU, CAPABILITY, VERSION = "Fake Orin", (8, 7), "10.3.0"
DEFAULT_STREAM = 0


class cudaError_t(enum.IntEnum):
    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInsufficientDriver = 35
    cudaErrorInvalidResourceHandle = 400
    cudaErrorIllegalAddress = 700
    cudaErrorStreamCaptureInvalidated = 901


class cudaMemcpyKind(enum.IntEnum):
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2


class cudaStreamCaptureMode(enum.IntEnum):
    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1


OK = cudaError_t.cudaSuccess


class Handle:
    """A stream or a graph: an object that turns into a number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __int__(self) -> int:
        return self.number


class FakeCuda:
    """``cuda.bindings.runtime``.

    Attributes
    ----------
    calls
        What was called, of CUDA and of TensorRT, in order.
    failing
        Name of a call -> (how many times it still works, the error after that).
    """

    cudaError_t, cudaMemcpyKind, cudaStreamCaptureMode = cudaError_t, cudaMemcpyKind, cudaStreamCaptureMode
    cudaStreamNonBlocking, cudaHostAllocDefault = 1, 0

    def __init__(self, gpus: int = 1) -> None:
        self.__spec__ = ModuleSpec("cuda.bindings.runtime", None)
        self.gpus = gpus
        self.calls: list[str] = []
        self.failing: dict[str, tuple[int, cudaError_t]] = {}
        self.device: dict[int, Any] = {}
        self.pinned: dict[int, Any] = {}
        self.streams: dict[int, list[Callable[[], None]]] = {}
        self.graphs: dict[int, list[Callable[[], None]]] = {}
        self.capturing: int | None = None
        self.broken_capture = False
        self._next = 100

    # What tests ask

    @property
    def held(self) -> int:
        """Everything that was taken and not given back."""
        return sum(map(len, (self.device, self.pinned, self.streams, self.graphs)))

    def count(self, name: str) -> int:
        return self.calls.count(name)

    def is_device(self, address: int, size: int) -> bool:
        return self._holds(self.device, address, size)

    def queue(self, stream: int, work: Callable[[], None]) -> None:
        self.streams[stream].append(work)

    # CUDA's own

    def cudaGetDeviceCount(self) -> tuple[Any, ...]:
        if self._enter("cudaGetDeviceCount"):
            return self._error, None
        return (OK, self.gpus) if self.gpus >= 0 else (cudaError_t.cudaErrorInsufficientDriver, None)

    def cudaGetDeviceProperties(self, device: int) -> tuple[Any, ...]:
        if self._enter("cudaGetDeviceProperties"):
            return self._error, None
        return OK, SimpleNamespace(name=GPU.encode(), major=CAPABILITY[0], minor=CAPABILITY[1])

    def cudaGetErrorString(self, error: cudaError_t) -> tuple[Any, ...]:
        return OK, f"words for {error.name}".encode()

    def cudaGetLastError(self) -> tuple[Any, ...]:
        self._enter("cudaGetLastError")
        return (OK,)

    def cudaMalloc(self, size: int) -> tuple[Any, ...]:
        return self._take("cudaMalloc", self.device, size)

    def cudaHostAlloc(self, size: int, flags: int) -> tuple[Any, ...]:
        return self._take("cudaHostAlloc", self.pinned, size)

    def cudaFree(self, pointer: int) -> tuple[Any, ...]:
        return self._give("cudaFree", self.device, pointer)

    def cudaFreeHost(self, pointer: int) -> tuple[Any, ...]:
        return self._give("cudaFreeHost", self.pinned, pointer)

    def cudaStreamCreateWithFlags(self, flags: int) -> tuple[Any, ...]:
        assert flags == self.cudaStreamNonBlocking
        return self._handle("cudaStreamCreateWithFlags", self.streams, [])

    def cudaStreamDestroy(self, stream: Handle) -> tuple[Any, ...]:
        return self._give("cudaStreamDestroy", self.streams, int(stream))

    def cudaMemcpyAsync(
        self, to: int, source: int, count: int, kind: cudaMemcpyKind, stream: Handle
    ) -> tuple[Any, ...]:
        if self._enter("cudaMemcpyAsync"):
            return (self._error,)
        up = kind is cudaMemcpyKind.cudaMemcpyHostToDevice
        device, host = (to, source) if up else (source, to)
        if not (self.is_device(device, count) and self._holds(self.pinned, host, count)):
            return (cudaError_t.cudaErrorInvalidValue,)
        self.queue(int(stream), lambda: ctypes.memmove(to, source, count) and None)
        return (OK,)

    def cudaStreamSynchronize(self, stream: Handle) -> tuple[Any, ...]:
        if self._enter("cudaStreamSynchronize"):
            return (self._error,)
        work, self.streams[int(stream)] = self.streams[int(stream)], []
        for each in work:
            each()
        return (OK,)

    def cudaStreamBeginCapture(self, stream: Handle, mode: cudaStreamCaptureMode) -> tuple[Any, ...]:
        if self._enter("cudaStreamBeginCapture"):
            return (self._error,)
        assert mode is cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        assert not self.streams[int(stream)], "what was queued before is not part of a graph"
        self.capturing, self.broken_capture = int(stream), False
        return (OK,)

    def cudaStreamEndCapture(self, stream: Handle) -> tuple[Any, ...]:
        drawn, self.streams[int(stream)] = self.streams[int(stream)], []
        self.capturing = None
        if self._enter("cudaStreamEndCapture"):
            return self._error, None
        if self.broken_capture:
            return cudaError_t.cudaErrorStreamCaptureInvalidated, None
        return self._handle("", self.graphs, drawn)

    def cudaGraphInstantiate(self, graph: Handle, flags: int) -> tuple[Any, ...]:
        assert flags == 0
        return self._handle("cudaGraphInstantiate", self.graphs, list(self.graphs[int(graph)]))

    def cudaGraphDestroy(self, graph: Handle) -> tuple[Any, ...]:
        return self._give("cudaGraphDestroy", self.graphs, int(graph))

    def cudaGraphExecDestroy(self, graph: Handle) -> tuple[Any, ...]:
        return self._give("cudaGraphExecDestroy", self.graphs, int(graph))

    def cudaGraphLaunch(self, graph: Handle, stream: Handle) -> tuple[Any, ...]:
        if self._enter("cudaGraphLaunch"):
            return (self._error,)
        self.streams[int(stream)] += self.graphs[int(graph)]
        return (OK,)

    # How

    def _enter(self, name: str) -> bool:
        """Take note of a call; whether it is to fail, then with ``self._error``."""
        if name:
            self.calls.append(name)
        left, self._error = self.failing.get(name, (sys.maxsize, OK))
        self.failing[name] = (left - 1, self._error)
        return left <= 0

    def _take(self, name: str, pool: dict[int, Any], size: int) -> tuple[Any, ...]:
        if self._enter(name):
            return self._error, None
        memory = ctypes.create_string_buffer(b"\xff" * size, size)
        address = ctypes.addressof(memory)
        pool[address] = memory
        return OK, address

    def _handle(self, name: str, pool: dict[int, Any], value: Any) -> tuple[Any, ...]:
        if self._enter(name):
            return self._error, None
        self._next += 1
        pool[self._next] = value
        return OK, Handle(self._next)

    def _give(self, name: str, pool: dict[int, Any], key: int) -> tuple[Any, ...]:
        self._enter(name)
        assert key in pool, f"{name} of what was not taken, or was given back before"
        del pool[key]
        return (OK,)

    @staticmethod
    def _holds(pool: dict[int, Any], address: int, size: int) -> bool:
        return any(start <= address and address + size <= start + len(memory) for start, memory in pool.items())


def plan_of(model: bytes, *, batch: int = 1, half: bool = False, size: int = 32) -> bytes:
    """What the fake takes for an engine: an ONNX file, computed by ONNX Runtime on a fixed range of batches."""
    return json.dumps({"batch": batch, "half": half, "size": size}).encode() + b"\n" + model


class FakeTensorRT:
    """The run side of ``tensorrt``.

    Attributes
    ----------
    refusing
        Names of calls that answer False or None.
    alive
        Runtimes, engines and contexts that were made and not yet dropped.
    streams
        On which engines ran.
    """

    def __init__(self, cuda: FakeCuda, version: str = VERSION) -> None:
        self.__spec__ = ModuleSpec("tensorrt", None)
        self.__version__ = version
        self.cuda, self.refusing, self.streams, self.logger = cuda, set(), set(), None
        self.alive: list[str] = []
        self.ILogger, self.DataType = ILogger, DataType

    def Runtime(self, logger: ILogger) -> Runtime:
        self.cuda.calls.append("trt.Runtime")
        assert isinstance(logger, ILogger)
        if self.cuda.gpus < 1:
            raise SystemError("segmentation fault")
        self.logger = logger
        return Runtime(self)

    def refuses(self, name: str) -> bool:
        """Take note of a call; whether it is to fail, with words in the log."""
        self.cuda.calls.append(f"trt.{name}")
        words = f"words for {name}"
        if name in self.refusing and self.logger is not None:
            self.logger.log(ILogger.Severity.ERROR, words)
        return name in self.refusing


class ILogger:
    class Severity(enum.Enum):
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

    # As in TensorRT: whoever makes a logger says what it does.
    def log(self, severity: Severity, msg: str) -> None:
        raise NotImplementedError


class DataType(enum.Enum):
    FLOAT, HALF, INT8, INT32, BOOL, UINT8 = range(6)


class Living:
    """Counts itself, since what TensorRT holds on the GPU goes with its objects."""

    def __init__(self, trt: FakeTensorRT) -> None:
        self._trt = trt
        trt.alive.append(type(self).__name__)

    def __del__(self) -> None:
        self._trt.alive.remove(type(self).__name__)
        self._trt.cuda.calls.append(f"del {type(self).__name__}")


class Runtime(Living):
    DLA_core = -1

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> ICudaEngine | None:
        if self._trt.refuses("deserialize_cuda_engine"):
            return None
        return ICudaEngine(self._trt, self, serialized_engine)


class ICudaEngine(Living):
    def __init__(self, trt: FakeTensorRT, runtime: Runtime, plan: bytes) -> None:
        super().__init__(trt)
        self.runtime = runtime
        head, model = plan.split(b"\n", 1)
        self._about = json.loads(head)
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        given, made = self.session.get_inputs(), self.session.get_outputs()
        self.shapes = {each.name: tuple(each.shape[1:]) for each in (*given, *made)}
        self.num_io_tensors = len(self.shapes)

    @property
    def batch(self) -> int:
        return int(self._about["batch"])

    def get_tensor_name(self, index: int) -> str:
        return list(self.shapes)[index]

    def get_tensor_dtype(self, name: str) -> DataType:
        if name == "scan":
            return DataType.UINT8
        return DataType.HALF if self._about["half"] else DataType.FLOAT

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        assert profile_index == 0
        return [(rows, *self.shapes[name]) for rows in (1, self.batch, self.batch)]

    def create_execution_context(self) -> IExecutionContext | None:
        return None if self._trt.refuses("create_execution_context") else IExecutionContext(self._trt, self)


class IExecutionContext(Living):
    def __init__(self, trt: FakeTensorRT, engine: ICudaEngine) -> None:
        super().__init__(trt)
        self._engine, self._rows, self._ran = engine, 0, False
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        if self._trt.refuses("set_input_shape") or tuple(shape[1:]) != self._engine.shapes[name]:
            return False
        self._rows = shape[0]
        return 1 <= self._rows <= self._engine.batch

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self._rows or -1, *self._engine.shapes[name])

    def set_tensor_address(self, name: str, memory: int) -> bool:
        assert isinstance(memory, int)
        if self._trt.refuses("set_tensor_address"):
            return False
        self._addresses[name] = memory
        return self._trt.cuda.is_device(memory, self._size(name))

    def execute_async_v3(self, stream_handle: int) -> bool:
        cuda = self._trt.cuda
        assert isinstance(stream_handle, int)
        assert stream_handle != DEFAULT_STREAM
        if self._trt.refuses("execute_async_v3") or set(self._addresses) != set(self._engine.shapes) or not self._rows:
            return False
        if cuda.capturing is not None and (not self._ran or "capture" in self._trt.refusing):
            cuda.broken_capture = True
            return False
        self._ran = True
        self._trt.streams.add(stream_handle)
        rows = self._rows
        cuda.queue(stream_handle, lambda: self._compute(rows))
        return True

    def _compute(self, rows: int) -> None:
        scan = self._memory("scan", rows)
        names = [name for name in self._engine.shapes if name != "scan"]
        for name, values in zip(names, self._engine.session.run(names, {"scan": scan.copy()}), strict=True):
            self._memory(name, rows)[:] = values

    def _memory(self, name: str, rows: int) -> np.ndarray:
        address = self._addresses[name]
        assert self._trt.cuda.is_device(address, self._size(name)), f"{name} lies in memory that was freed"
        dtype = {DataType.UINT8: np.uint8, DataType.HALF: np.float16, DataType.FLOAT: np.float32}[
            self._engine.get_tensor_dtype(name)
        ]
        memory = (ctypes.c_uint8 * self._size(name)).from_address(address)
        return np.frombuffer(memory, dtype).reshape(-1, *self._engine.shapes[name])[:rows]

    def _size(self, name: str) -> int:
        each = {DataType.UINT8: 1, DataType.HALF: 2, DataType.FLOAT: 4}[self._engine.get_tensor_dtype(name)]
        return each * self._engine.batch * int(np.prod(self._engine.shapes[name]))


def install(monkeypatch: pytest.MonkeyPatch, *, gpus: int = 1, version: str = VERSION) -> tuple[FakeCuda, FakeTensorRT]:
    """Put both where an import finds them."""
    cuda = FakeCuda(gpus)
    trt = FakeTensorRT(cuda, version)
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", cuda)
    monkeypatch.setitem(sys.modules, "tensorrt", trt)
    return cuda, trt
