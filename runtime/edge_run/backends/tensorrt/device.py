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
    """What an engine is bound to, besides the version of TensorRT.

    Attributes
    ----------
    name
        As the driver says it: ``Orin``, ``NVIDIA L4``.
    compute_capability
        ``8.7``.
    """

    name: str
    compute_capability: str


def probe() -> Gpu:
    """Look at the GPU that this process uses: the first that ``CUDA_VISIBLE_DEVICES`` leaves.

    This comes before anything of TensorRT's that needs a GPU: without one, TensorRT's runtime can end the process
    instead of saying so.

    Raises
    ------
    BackendError
        cuda-bindings is missing, there is no driver, or no GPU.
    """
    cuda = api.cuda()
    hint = "check with nvidia-smi (Jetson: tegrastats) that there is a GPU, with a driver no older than cuda-bindings"
    count = checked(cuda, cuda.cudaGetDeviceCount(), "CUDA finds no GPU", hint)
    if not count:
        raise BackendError("CUDA finds no GPU", hint=hint)
    found = checked(cuda, cuda.cudaGetDeviceProperties(0), "CUDA cannot look at the GPU", hint)
    return Gpu(found.name.decode().rstrip("\0"), f"{found.major}.{found.minor}")


def checked(cuda: api.Module, returned: tuple[Any, ...], what: str, hint: str = "edge-run doctor") -> api.Foreign:
    """Return what a call of CUDA returned beside its error code.

    Raises
    ------
    BackendError
        The code is not success.
    """
    error, *values = returned
    if error != cuda.cudaError_t.cudaSuccess:
        words = cuda.cudaGetErrorString(error)[1]
        said = words.decode() if isinstance(words, bytes) else "no words for it"
        raise BackendError(f"{what}: {said} (CUDA error {int(error)})", hint=hint)
    return values[0] if values else None


class Pair(NamedTuple):
    """The same array twice: ``host``, in pinned memory, and its address on the device."""

    host: NDArray[Any]
    device: int


class Lane:
    """A stream of its own and the memory used with it; `close` gives all of it back.

    The stream is not the default one, on which TensorRT waits for the whole device with every call, and does not
    wait for it either.
    """

    def __init__(self, cuda: api.Module) -> None:
        self._cuda = cuda
        self._held = ExitStack()
        self.stream: api.Foreign = self._check(cuda.cudaStreamCreateWithFlags(cuda.cudaStreamNonBlocking), "no stream")
        self._held.callback(cuda.cudaStreamDestroy, self.stream)

    def pair(self, shape: tuple[int, ...], dtype: type[np.generic]) -> Pair:
        """Take memory for one array on both sides."""
        cuda, size = self._cuda, int(np.prod(shape)) * np.dtype(dtype).itemsize
        host = self._check(cuda.cudaHostAlloc(size, cuda.cudaHostAllocDefault), f"no {size} bytes of pinned memory")
        self._held.callback(cuda.cudaFreeHost, host)
        device = self._check(cuda.cudaMalloc(size), f"no {size} bytes of the GPU's memory")
        self._held.callback(cuda.cudaFree, device)
        pinned = (ctypes.c_uint8 * size).from_address(int(host))
        return Pair(np.frombuffer(memoryview(pinned), dtype).reshape(shape), int(device))

    def upload(self, pair: Pair, rows: int) -> None:
        """Queue the copy of the first rows to the device."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyHostToDevice
        self._copy(pair.device, pair.host.ctypes.data, pair.host[:rows].nbytes, kind)

    def download(self, pair: Pair, rows: int) -> None:
        """Queue the copy of the first rows from the device."""
        kind = self._cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._copy(pair.host.ctypes.data, pair.device, pair.host[:rows].nbytes, kind)

    def wait(self) -> None:
        """Wait until what was queued is done."""
        self._check(self._cuda.cudaStreamSynchronize(self.stream), "the GPU fails")

    def record(self, work: Callable[[], None]) -> api.Foreign:
        """Record what is queued as a graph, without doing it; `replay` does it in one call.

        Raises
        ------
        BackendError
            Something of it cannot be recorded.
        """
        cuda = self._cuda
        # Other members may take memory at the same time, in threads of their own.
        mode = cuda.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._check(cuda.cudaStreamBeginCapture(self.stream, mode), NO_GRAPH)
        try:
            work()
        finally:
            ended = cuda.cudaStreamEndCapture(self.stream)
            # TensorRT would take an error that is left here for one of its own.
            cuda.cudaGetLastError()
        drawn = self._check(ended, NO_GRAPH)
        made = cuda.cudaGraphInstantiate(drawn, 0)
        cuda.cudaGraphDestroy(drawn)
        graph = self._check(made, NO_GRAPH)
        self._held.callback(cuda.cudaGraphExecDestroy, graph)
        return graph

    def replay(self, graph: api.Foreign) -> None:
        """Queue a graph."""
        self._check(self._cuda.cudaGraphLaunch(graph, self.stream), "the GPU takes no graph")

    def close(self) -> None:
        """Free everything, the last taken first; doing it twice is harmless."""
        self._held.close()

    def _copy(self, to: int, source: int, size: int, kind: api.Foreign) -> None:
        self._check(self._cuda.cudaMemcpyAsync(to, source, size, kind, self.stream), "the GPU takes no copy")

    def _check(self, returned: tuple[Any, ...], what: str) -> api.Foreign:
        return checked(self._cuda, returned, what)
