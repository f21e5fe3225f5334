"""A real tritonserver, from PyPI's nvidia-pytriton in an environment of its own.

That server has no backend but Python's. So each model's ``backend: "onnxruntime"`` becomes ``python`` with `SHIM`
beside its graph; the rest of the configurations, the ensemble and the scheduler are Triton's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from .models import SHIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENVIRONMENT = Path(os.environ.get("EDGE_RUN_TRITON", Path(__file__).parents[3] / ".venv-triton"))
"""The environment that ``.ci/run`` makes, or one with the same packages."""

START_S = 120
Answer = TypeVar("Answer")


class Server(NamedTuple):
    """A server that is ready: its HTTP address, and its process."""

    address: str
    pid: int


def missing() -> str:
    """Return why no server can be started here; empty where one can."""
    if _packages() is None:
        return f"there is no nvidia-pytriton in {ENVIRONMENT} (EDGE_RUN_TRITON names another place)"
    return ""


def with_shim(repository: Path, target: Path) -> Path:
    """Copy a repository with the Python backend in the place of ONNX Runtime's."""
    shutil.copytree(repository, target, dirs_exist_ok=True)
    for config in target.glob("*/config.pbtxt"):
        text = config.read_text()
        config.write_text(text.replace('backend: "onnxruntime"', 'backend: "python"'))
        if 'backend: "onnxruntime"' in text:
            (config.parent / "1" / "model.py").write_text(SHIM)
    return target


@contextlib.contextmanager
def serving(repository: Path, scratch: Path) -> Iterator[Server]:
    """Start a server on loopback for a repository of `with_shim`; it ends with the block.

    Raises
    ------
    RuntimeError
        It does not become ready; the message has the end of its log.
    """
    packages = _packages()
    if packages is None:
        raise RuntimeError(missing())
    port = _free_port()
    log = scratch / "tritonserver.log"
    command = [
        packages / "pytriton/tritonserver/bin/tritonserver",
        f"--model-repository={repository}",
        f"--backend-directory={_backends(packages, scratch)}",
        "--disable-auto-complete-config",
        "--strict-readiness=true",
        "--model-control-mode=none",
        "--http-address=127.0.0.1",
        f"--http-port={port}",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--exit-timeout-secs=5",
    ]
    path = f"{ENVIRONMENT / 'bin'}:{os.environ['PATH']}"
    libraries = str(packages / "nvidia_pytriton.libs")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    with log.open("wb") as output:
        server = subprocess.Popen(
            list(map(str, command)),
            env={**kept, "PATH": path, "LD_LIBRARY_PATH": libraries, "VIRTUAL_ENV": str(ENVIRONMENT)},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_ready(server, port, log)
            yield Server(f"127.0.0.1:{port}", server.pid)
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def patiently(infer: Callable[..., Answer]) -> Callable[..., Answer]:
    """Ask again where Triton gave up a Python process that did not answer for a second, as on a busy machine."""

    def ask(*arguments: object, **options: object) -> Answer:
        for _ in range(5):
            try:
                return infer(*arguments, **options)
            # tritonclient, which has the class, is imported by none that only starts a server.
            except Exception as error:
                if "is not healthy" not in str(error):
                    raise
                time.sleep(1)
        return infer(*arguments, **options)

    return ask


def _packages() -> Path | None:
    found = sorted(ENVIRONMENT.glob("lib/python3*/site-packages"))
    return found[0] if found and (found[0] / "pytriton/tritonserver/bin/tritonserver").exists() else None


def _backends(packages: Path, scratch: Path) -> Path:
    """The server's backends, with the part that runs the environment's Python."""
    folder = scratch / "backends"
    if not folder.exists():
        shutil.copytree(packages / "pytriton/tritonserver/backends", folder)
        version = packages.parent.name.removeprefix("python")
        stub = packages / "pytriton/tritonserver/python_backend_stubs" / version / "triton_python_backend_stub"
        shutil.copy(stub, folder / "python")
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and server.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/health/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"tritonserver is not ready:\n{log.read_text(errors='replace')[-4000:]}")
