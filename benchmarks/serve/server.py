"""`edge-run serve` as a process of its own, on a free port."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from typing_extensions import Self

_URL = re.compile(r"serving on http://([\d.]+):(\d+)")
_TICKS = os.sysconf("SC_CLK_TCK")


class Usage(NamedTuple):
    """What a process has used.

    Attributes
    ----------
    cpu_s
        Seconds of all cores.
    rss
        Resident memory, bytes.
    files
        Open file descriptors.
    """

    cpu_s: float
    rss: int
    files: int


class Server:
    """A server that is ended with the block.

    Parameters
    ----------
    bundle
        Path or name.
    log
        Its case log.
    options
        Further options of ``edge-run serve``.
    """

    def __init__(self, bundle: str, log: Path, *options: str) -> None:
        command = [sys.executable, "-m", "edge_run", "serve", "--port", "0", "--bundle", bundle, "--case-log", str(log)]
        self._process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        self.messages: list[str] = []
        for line in self._process.stderr:
            self.messages.append(line.rstrip())
            if found := _URL.search(line):
                self.host, self.port = found[1], int(found[2])
                return
        raise SystemExit("the server did not start:\n" + "\n".join(self.messages))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{self.host}:{self.port}"

    def usage(self) -> Usage:
        """Return what it has used so far."""
        folder = Path(f"/proc/{self._process.pid}")
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        pages = int((folder / "statm").read_text().split()[1])
        cpu = (int(fields[11]) + int(fields[12])) / _TICKS
        return Usage(cpu, pages * os.sysconf("SC_PAGE_SIZE"), len(list((folder / "fd").iterdir())))

    def kill(self) -> None:
        """End it with SIGKILL, as a loss of power would."""
        self._process.kill()
        self._process.communicate()

    def stop(self) -> int:
        """End it with SIGINT, and return its exit code."""
        self._process.send_signal(signal.SIGINT)
        _, rest = self._process.communicate(timeout=60)
        self.messages += rest.splitlines()
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self.kill()
