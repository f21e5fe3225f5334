"""Child processes that decode, kept for the next file and replaced when they end."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edge_run.errors import BackendError
from edge_run.machine.cores import allowed_cores
from edge_run.scan.formats.header import FormatError

from .messages import read_message, write_message

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from edge_run.scan.scan import Limits

    # What a child says of its job, and the bytes of the pixels.
    Answer = tuple[dict[str, Any], bytes]

START_SECONDS = 60.0
# One decodes hundreds of scans a second; each takes some 60 MB.
MOST_CHILDREN = 4
# Isolated, so that no file beside the scans is imported; then where this process finds its packages.
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from edge_run.scan.worker.child import main; main()"
_RAISE = "Give the scan at the size it was acquired at, or raise the limit: {}; from Python Limits({}=...)."
_MORE_TIME = _RAISE.format("--decode-seconds", "max_seconds")
_MORE_MEMORY = _RAISE.format("--decode-memory", "max_memory")


class Deadline:
    """The time that one file may still take, over all its frames."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self._left = seconds, seconds

    @contextlib.contextmanager
    def running(self) -> Iterator[float]:
        """Count the time spent inside."""
        begin = time.monotonic()
        try:
            yield max(0.001, self._left)
        finally:
            self._left -= time.monotonic() - begin


class Pool:
    """Decodes on a few child processes, which start when they are first needed.

    Parameters
    ----------
    kind
        What its children decode: ``picture`` or ``frame``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._reset()

    def _reset(self) -> None:
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._slots = threading.BoundedSemaphore(max(1, min(MOST_CHILDREN, allowed_cores())))

    def decode(
        self, data: bytes, options: dict[str, Any], limits: Limits, deadline: Deadline | None = None
    ) -> tuple[dict[str, Any], NDArray[Any] | None]:
        """Let a child do one job.

        Returns
        -------
        What the child says (``status``, and ``printed``: what its decoder wrote), and the pixels if there are any.

        Raises
        ------
        FormatError
            It takes more time or memory than the limits allow, or ends the child.
        BackendError
            The child does not start.
        BackendError
        The child does not start.
        """
        deadline = deadline or Deadline(limits.max_seconds)
        if self._owner != os.getpid():
            # After a fork both processes would talk to the same children.
            self._reset()
        with self._slots:
            child = self._take()
            with deadline.running() as seconds:
                answer, late = _ask(child, options | {"memory": limits.max_memory}, data, seconds)
            if answer is None:
                _end(child)
            else:
                with self._lock:
                    self._idle.append(child)
        if late:
            what = f"takes more than {deadline.seconds:g} s to decode"
            raise FormatError(what, hint=_MORE_TIME)
        if answer is None:
            why = f"is damaged or takes more than {limits.max_memory // 2**20} MiB: its decoder did not survive it"
            raise FormatError(why, hint="Copy or export the file again. " + _MORE_MEMORY)
        head, body = answer
        if head["status"] == "memory":
            what = f"takes more than {limits.max_memory // 2**20} MiB to decode"
            raise FormatError(what, hint=_MORE_MEMORY)
        return head, np.frombuffer(body, np.dtype(head["dtype"])).reshape(head["shape"]) if "dtype" in head else None

    def close(self) -> None:
        """End the children that are idle."""
        if self._owner != os.getpid():
            return
        with self._lock:
            children, self._idle = self._idle, []
        for child in children:
            _end(child)

    def _take(self) -> subprocess.Popen[bytes]:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.poll() is None:
                    return child
                _end(child)
        atexit.unregister(self.close)
        atexit.register(self.close)
        return _start(self._kind)


def _start(kind: str) -> subprocess.Popen[bytes]:
    # Most commands never need it.
    import subprocess

    path = json.dumps([entry for entry in sys.path if entry])
    try:
        child = subprocess.Popen(  # noqa: S603 - this interpreter, and code of this package
            [sys.executable, "-I", "-c", _START, path, kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Each arena of malloc's reserves memory that the limit would count.
            env={**os.environ, "MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
    except OSError as error:
        raise BackendError(f"no process that decodes scans can be started: {error.strerror}") from error
    ready, _ = _within(child, START_SECONDS, lambda: read_message(_pipe(child.stdout)))
    if ready is None:
        _end(child)
        raise BackendError("the process that decodes scans does not start", hint="edge-run doctor")
    return child


def _ask(
    child: subprocess.Popen[bytes], options: dict[str, Any], data: bytes, seconds: float
) -> tuple[Answer | None, bool]:
    def talk() -> Answer | None:
        write_message(_pipe(child.stdin), options, data)
        return read_message(_pipe(child.stdout))

    return _within(child, seconds, talk)


def _within(
    child: subprocess.Popen[bytes], seconds: float, talk: Callable[[], Answer | None]
) -> tuple[Answer | None, bool]:
    """Talk to a child that is ended after some seconds, which ends the talk. Whether it was is returned, too."""
    late = threading.Event()

    def end() -> None:
        late.set()
        child.kill()

    clock = threading.Timer(seconds, end)
    clock.daemon = True
    clock.start()
    try:
        answer = talk()
    except OSError:
        answer = None
    finally:
        clock.cancel()
    return answer, answer is None and late.is_set()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    with contextlib.suppress(OSError):
        child.communicate()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - asked for in _start
    return stream
