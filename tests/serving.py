"""A server on a real socket of 127.0.0.1, in a thread of this process, or as a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import uvicorn

from edge_run import Ensemble
from edge_run.serve.app import create_app
from edge_run.serve.case_writer import CaseWriter
from edge_run.serve.hosts import Hosts
from edge_run.serve.server import Listen, configured
from edge_run.serve.service import Service

if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
    from pathlib import Path

    from typing_extensions import Self

    from edge_run.serve.tokens import Tokens

_URL = re.compile(r"serving on (http\S+);")


class Served(NamedTuple):
    """A server that runs."""

    url: str
    service: Service
    client: httpx.Client

    @property
    def log(self) -> Path:
        """The case log."""
        assert self.service.answering.cases is not None
        return self.service.answering.cases.path


@contextmanager
def served(
    bundle: Path,
    log: Path | None,
    tokens: Tokens | None = None,
    *,
    keep_images: bool = False,
    listen: Listen | None = None,
    **options: Any,
) -> Iterator[Served]:
    """Serve a bundle from a thread."""
    with ExitStack() as stack:
        cases = CaseWriter(log, keep_images=keep_images) if log else None
        if cases:
            stack.callback(cases.close)
        ensemble = stack.enter_context(Ensemble.load(bundle))
        service = Service.of(ensemble, cases, tokens, **options)
        stack.callback(service.answering.close)
        config = configured(create_app(service, hosts=Hosts()), listen or Listen(port=0))
        listening = config.bind_socket()
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        stack.callback(_stop, server, thread)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        yield Served(url, service, stack.enter_context(httpx.Client(base_url=url, timeout=30)))


def _stop(server: uvicorn.Server, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join()


class Process:
    """``edge-run serve`` as a process of its own, on a free port; ended when the block ends."""

    def __init__(self, bundle: Path, log: Path, *options: str) -> None:
        command = [sys.executable, "-m", "edge_run", "serve", "--port", "0", "--bundle", str(bundle)]
        self._process = subprocess.Popen(
            [*command, "--case-log", str(log), *options], stderr=subprocess.PIPE, text=True, env={**os.environ}
        )
        assert self._process.stderr is not None
        self.messages: list[str] = []
        for line in self._process.stderr:
            self.messages.append(line)
            if found := _URL.search(line):
                self.url = found[1]
                return
        self._process.communicate()
        raise AssertionError("".join(self.messages))

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""
        _, rest = self._process.communicate(timeout=60)
        self.messages.append(rest)
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
