"""A process of its own that decompresses pixel data.

The decoders are C and C++ that end the process on data that is damaged in the right way, and write to its stderr as
they please. Theirs is another one, with bounds on its memory and time; it stays for the next file.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import subprocess
import sys
import threading
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from edge_run.errors import BackendError
from edge_run.scan.formats.header import FormatError

from ._worker import read_message, write_message

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 60.0
# Isolated, so that no file beside the scans is imported; then where this process finds its packages.
_START = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from edge_run.scan.dicom._worker import main; main()"
_DAMAGED = "is a DICOM file whose compressed pixel data ({name}) cannot be decoded: damaged, or of a rare kind"
_MISSING = "is a DICOM file compressed as {name}, which no installed package decodes"
_CONVERT = "Convert it first: gdcmconv --raw IN OUT, or dcmdjpeg IN OUT."


class Decoder:
    """Decodes frames, one at a time, starting its process when it is first needed or has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def decode(self, frame: bytes, syntax: str, options: dict[str, Any], name: str) -> NDArray[np.integer[Any]]:
        """Decode one frame.

        Parameters
        ----------
        frame
            As it is encapsulated.
        syntax, name
            UID of the transfer syntax, and what errors call it.
        options
            Of pydicom's decoders.

        Raises
        ------
        FormatError
            It cannot be decoded, ends the process, or takes more than :data:`SECONDS`.
        BackendError
            No decoder is installed at all.
        """
        with self._lock:
            answer = self._ask({"syntax": syntax, "options": options}, frame)
        if answer is None:
            raise FormatError(_DAMAGED.format(name=name) + ", and its decoder did not survive it")
        head, pixels = answer
        if head["status"] == "no-extra":
            raise BackendError(
                f"DICOM files compressed as {name} need python-gdcm, which is not installed",
                hint="pip install 'edge-run[dicom]'",
            )
        if head["status"] == "no-decoder":
            raise FormatError(_MISSING.format(name=name), hint=_CONVERT)
        if head["status"] != "ok":
            raise FormatError(_DAMAGED.format(name=name))
        decoded: NDArray[np.integer[Any]] = np.frombuffer(pixels, np.dtype(head["dtype"])).reshape(head["shape"])
        return decoded

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and self._owner == os.getpid():
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()

    def _ask(self, asked: dict[str, Any], frame: bytes) -> tuple[dict[str, Any], bytes] | None:
        process = self._running()
        # A decoder that hangs is ended, which ends the reading below.
        clock = threading.Timer(SECONDS, process.kill)
        clock.start()
        try:
            write_message(_pipe(process.stdin), json.dumps(asked).encode(), frame)
            answer = read_message(_pipe(process.stdout))
        except OSError:
            answer = None
        finally:
            clock.cancel()
        if answer is None:
            self.close()
            return None
        head: dict[str, Any] = json.loads(answer[0])
        return head, answer[1]

    def _running(self) -> subprocess.Popen[bytes]:
        # After a fork both would talk to the one process.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self.close()
            self._process, self._owner = _start(), os.getpid()
            atexit.register(self.close)
        return self._process


def _start() -> subprocess.Popen[bytes]:
    path = json.dumps([entry for entry in sys.path if entry])
    return subprocess.Popen(  # noqa: S603 - this interpreter, and code of this package
        [sys.executable, "-I", "-c", _START, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # noqa: S101 - asked for in _start
    return stream
