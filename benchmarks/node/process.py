"""A node as a process of its own, and DCMTK's programs that talk to it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TITLE = "EDGE-RUN"
_START_S = 120.0


class NodeProcess:
    """``edge-run node``, started and waited for until it listens."""

    def __init__(self, folder: Path, port: int, *options: str) -> None:
        self.folder, self.port = folder, port
        self._log = (folder.parent / f"{folder.name}.log").open("a")
        words = ["node", "--folder", str(folder), "--port", str(port), *options]
        command = [sys.executable, "-m", "edge_run", *words]
        environment = {**os.environ, "EDGE_RUN_CASE_LOG": str(folder.parent / "cases.sqlite")}
        self.process = subprocess.Popen(command, stdout=self._log, stderr=subprocess.STDOUT, env=environment)
        until = time.monotonic() + _START_S
        while not listens(port):
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"the node did not start; see {self._log.name}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once, as a loss of power would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self._log.close()

    def stop(self) -> None:
        """End it as a supervisor does."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self._log.close()

    def status(self, name: str) -> int:
        """Read a figure of /proc/PID/status: ``VmRSS`` in KiB, ``Threads``."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+)", text, re.MULTILINE)
        return int(found[1]) if found else 0


@contextmanager
def running(folder: Path, port: int, *options: str) -> Iterator[NodeProcess]:
    """Run a node for the block."""
    node = NodeProcess(folder, port, *options)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.stop()


def listens(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require(*programs: str) -> None:
    """Stop where a program of DCMTK is missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        raise SystemExit(f"{', '.join(missing)} is not installed: apt-get install dcmtk")


def echo(port: int, *options: str, seconds: int = 20) -> tuple[bool, float]:
    """Send C-ECHO with DCMTK's echoscu; whether it was answered, and after how many seconds."""
    begin = time.perf_counter()
    words = ["echoscu", "-to", str(seconds), "-ta", str(seconds), *options, "-aec", TITLE, "127.0.0.1", str(port)]
    done = subprocess.run(words, capture_output=True, check=False, timeout=seconds * 3)
    return done.returncode == 0, time.perf_counter() - begin


def start_sending(port: int, files: Sequence[Path]) -> subprocess.Popen[str]:
    """Begin to send files over one association with DCMTK's storescu, which tells of each response."""
    words = ["storescu", "-v", "-aec", TITLE, "127.0.0.1", str(port), *map(str, files)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def acknowledged(output: str) -> list[Path]:
    """Files that storescu saw a success for, by its messages."""
    found: list[Path] = []
    sending: Path | None = None
    for line in output.splitlines():
        if match := re.search(r"Sending file: (.+)$", line):
            sending = Path(match[1].strip())
        elif "Received Store Response (Success)" in line and sending is not None:
            found.append(sending)
            sending = None
    return found
