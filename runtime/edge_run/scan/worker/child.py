"""What runs in the child process: jobs come in at stdin, pixels go out at stdout."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from .messages import read_message, write_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    # Takes the job's options and its bytes; returns what the answer says, and the pixels.
    Job = Callable[[dict[str, Any], bytes], tuple[dict[str, Any], NDArray[Any] | None]]

_MOST_TEXT = 2**16


def main() -> None:
    """Do jobs until stdin ends."""
    import resource
    import signal
    import warnings

    # No core file: pixels would lie in it.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")
    # Only messages go out; what a decoder prints is kept to be looked at.
    out = os.fdopen(os.dup(1), "wb")
    printed = os.memfd_create("printed")
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    jobs = _jobs(sys.argv[2])
    write_message(out, {"status": "ready"})
    while (message := read_message(sys.stdin.buffer)) is not None:
        os.ftruncate(printed, 0)
        os.lseek(printed, 0, os.SEEK_SET)
        options, data = message
        head, pixels = _bounded(jobs, options, data)
        head["printed"] = os.pread(printed, _MOST_TEXT, 0).decode("ascii", "replace")
        if pixels is not None:
            head |= {"dtype": pixels.dtype.str, "shape": pixels.shape}
        write_message(out, head, b"" if pixels is None else pixels.tobytes())


def _jobs(kind: str) -> Job:
    """Import what a kind of child decodes, before its first job's time begins."""
    if kind == "picture":
        import cv2

        from edge_run.scan.decode import job as picture

        cv2.setNumThreads(1)
        return picture
    from edge_run.scan.dicom.child_job import job as dicom

    return dicom


def _bounded(job: Job, options: dict[str, Any], data: bytes) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Do a job with a bound on the memory that it may take beyond what the process has."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = _address_space()
    if taken is not None:
        most = taken + options["memory"]
        hard = before[1]
        resource.setrlimit(resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    try:
        return job(options, data)
    except MemoryError:
        return {"status": "memory"}, None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _address_space() -> int | None:
    """Bytes that the process has reserved; None where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - importing pathlib would cost time
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
