"""The GPU: whether there is one, and its memory, streams and graphs, through cuda-bindings."""

from __future__ import annotations

import ctypes
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from edge_run.errors import BackendError

from . import api

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


NO_GRAPH = "CUDA cannot record a graph"


class Gpu(NamedTuple):
    """The GPU that an engine is built for.

    Attributes
    ----------
    name
        The driver's name for it, such as ``Orin`` or ``NVIDIA L4``.
    compute_capability
        Major and minor version, such as ``8.7``.
    """

    name: str
    compute_capability: str


def probe() -> Gpu:
    """Return the GPU that this process uses: the first of those that ``CUDA_VISIBLE_DEVICES`` names.

    Call this before anything of TensorRT that needs a GPU: without one, TensorRT's runtime can end the process
    instead of raising.

    Raises
    ------
    BackendError
        cuda-bindings is missing, there is no driver, or no GPU.
    """
    cuda: api.Cuda = api.cuda()
    hint = "check with nvidia-smi (Jetson: tegrastats) that there is a GPU, with a driver no older than cuda-bindings"
    count = checked(cuda, cuda.cudaGetDeviceCount(), "CUDA finds no GPU", hint)
    if not count:
        raise BackendError("CUDA finds no GPU", hint=hint)
    properties = checked(cuda, cuda.cudaGetDeviceProperties(0), "CUDA cannot look at the GPU", hint)
    return Gpu(properties.name.decode().rstrip("\0"), f"{properties.major}.{properties.minor}")


def checked(cuda: api.Cuda, returned: tuple[Any, ...], what: str, hint: str = "edge-run doctor") -> api.CudaValue:
    """Return the value that a call of CUDA returned beside its error code.

    Raises
    ------
    BackendError
        The code is not success.
    """
    error, *values = returned
    if error != cuda.cudaError_t.cudaSuccess:
        words = cuda.cudaGetErrorString(error)[1]
        text = words.decode() if isinstance(words, bytes) else "no description"
        raise BackendError(f"{what}: {text} (CUDA error {int(error)})", hint=hint)
    return values[0] if values else None


class HostDeviceBuffer(NamedTuple):
    """Memory for one array on both sides.

    Attributes
    ----------
    host
        The array, in pinned memory.
    device
        The address of as many bytes on the GPU.
    """

    host: NDArray[Any]
    device: int


class CudaStream:
    """A CUDA stream and the memory used with it; `close` frees all of it.

    It is not the default stream, on which TensorRT would wait for the whole device with every call; and it does not
    wait for the default stream.

    Raises
    ------
    BackendError
        From any method: a call of CUDA failed.
    """

    def __init__(self, cuda: api.Cuda) -> None:
        self._cuda: api.Cuda = cuda
        self._held = ExitStack()
        self.stream: api.CudaValue = self._check(
            cuda.cudaStreamCreateWithFlags(cuda.cudaStreamNonBlocking), "no stream"
        )
        self._held.callback(cuda.cudaStreamDestroy, self.stream)

    def allocate(self, shape: tuple[int, ...], dtype: type[np.generic]) -> HostDeviceBuffer:
        """Allocate an array of a shape and dtype on both sides."""
        cuda: api.Cuda = self._cuda
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        host = self._check(cuda.cudaHostAlloc(size, cuda.cudaHostAllocDefault), f"no {size} bytes of pinned memory")
        self._held.callback(cuda.cudaFreeHost, host)
        device = self._check(cuda.cudaMalloc(size), f"no {size} bytes of the GPU's memory")
        self._held.callback(cuda.cudaFree, device)
        pinned = (ctypes.c_uint8 * size).from_address(int(host))
        return HostDeviceBuffer(np.frombuffer(memoryview(pinned), dtype).reshape(shape), int(device))

    def upload(self, buffer: HostDeviceBuffer, rows: int) -> None:
        """Queue the copy of the first rows to the GPU."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(buffer.device, buffer.host.ctypes.data, buffer.host[:rows].nbytes, kind)

    def download(self, buffer: HostDeviceBuffer, rows: int) -> None:
        """Queue the copy of the first rows from the GPU."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(buffer.host.ctypes.data, buffer.device, buffer.host[:rows].nbytes, kind)

    def synchronize(self) -> None:
        """Wait until the queued work is done."""
        self._check(self._cuda.cudaStreamSynchronize(self.stream), "the GPU fails")

    def capture(self, work: Callable[[], None]) -> api.CudaValue:
        """Capture what a function queues as a CUDA graph, without doing it; `launch` does it in one call."""
        cuda: api.Cuda = self._cuda
        # Other members may take memory at the same time, in threads of their own.
        mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._check(cuda.cudaStreamBeginCapture(self.stream, mode), NO_GRAPH)
        try:
            work()
        finally:
            ended = cuda.cudaStreamEndCapture(self.stream)
            # TensorRT would take an error that is left here for one of its own.
            cuda.cudaGetLastError()
        captured = self._check(ended, NO_GRAPH)
        instantiated = cuda.cudaGraphInstantiate(captured, 0)
        cuda.cudaGraphDestroy(captured)
        graph = self._check(instantiated, NO_GRAPH)
        self._held.callback(cuda.cudaGraphExecDestroy, graph)
        return graph

    def launch(self, graph: api.CudaValue) -> None:
        """Queue a captured graph."""
        self._check(self._cuda.cudaGraphLaunch(graph, self.stream), "the GPU takes no graph")

    def close(self) -> None:
        """Free everything, the last allocation first; closing twice is harmless."""
        self._held.close()

    def _copy(self, to: int, source: int, size: int, kind: api.CudaValue) -> None:
        self._check(self._cuda.cudaMemcpyAsync(to, source, size, kind, self.stream), "the GPU takes no copy")

    def _check(self, returned: tuple[Any, ...], what: str) -> api.CudaValue:
        return checked(self._cuda, returned, what)
