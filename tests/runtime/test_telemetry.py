"""No command looks up a name, opens a connection, or leaves a file anywhere but in edge-run's own folders.

strace watches the system calls of each command and of every process that it starts, since libraries in C++ do not go
through Python. Where there is no strace, only the folders are compared.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import pytest

from toy import png, scan, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STRACE = shutil.which("strace")
CALLS = "socket,connect,sendto,sendmsg,sendmmsg,bind,open,openat,creat,mkdir,mkdirat,rename,renameat,renameat2"
COMMAND = "from edge_run.cli import console; console()"
OURS = (".local/share/edge-run", ".cache/edge-run")
NETWORK = re.compile(r"AF_INET6?\b")
WRITTEN = re.compile(r"(?:O_CREAT|\bmkdir|\brename|\bcreat\()")
QUOTED = re.compile(r'"([^"]*)"')
# What every command of edge-run may import, and a session of ONNX Runtime, which reports once it exists.
EVERYTHING = """
import importlib, sys
import edge_run
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
from edge_run.backends import Network, open_runner
from pathlib import Path
open_runner("cpu", Network(Path(sys.argv[1]).read_bytes(), "toy", "fp32", 32), threads=1).close()
"""
THIRD_PARTY = (
    "lightning.pytorch", "torchvision", "onnx", "onnxscript", "onnxruntime.quantization", "captum.attr", "skimage",
    "scipy.stats", "matplotlib.figure", "safetensors", "pydicom", "gdcm", "openvino", "jinja2", "edge_train.training",
    "edge_export.export_run", "edge_explain.explaining",
)  # fmt: skip


class Traces(NamedTuple):
    """What a command left: lines of strace about the network and about files elsewhere, and files in the home."""

    network: list[str]
    files: list[str]
    code: int


@pytest.fixture
def watched(tmp_path: Path) -> Callable[..., Traces]:
    """Run a Python program in an empty home with strace, and return the traces it left."""
    home, here, temporary = (tmp_path / name for name in ("home", "here", "temporary"))
    for folder in (home, here, temporary):
        folder.mkdir()
    (here / "scan.png").write_bytes(png(scan()))
    write_toy_bundle(here / "toy", members=2)
    given = set(here.rglob("*"))

    def run(program: str, *arguments: object, ci: str | None = None) -> Traces:
        dropped = ("CI", "ORT_DISABLE_TELEMETRY", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR")
        environment = {key: value for key, value in os.environ.items() if key not in dropped}
        environment |= {"HOME": str(home), "TMPDIR": str(temporary), "PYTHONDONTWRITEBYTECODE": "1"}
        environment |= {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
        environment |= {} if ci is None else {"CI": ci}
        log = tmp_path / "strace"
        guard = (
            [STRACE, "-f", "--seccomp-bpf", "-qq", "-s", "200", "-e", f"trace={CALLS}", "-o", str(log)]
            if STRACE
            else []
        )
        command = [*guard, sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(command, cwd=here, env=environment, capture_output=True, timeout=300, check=False)
        lines = log.read_text(errors="replace").splitlines() if STRACE else []
        left = [path for folder in (home, temporary) for path in folder.rglob("*") if path.is_file()]
        left += [path for path in here.rglob("*") if path not in given]
        files = [str(path) for path in left if not any(path.is_relative_to(home / ours) for ours in OURS)]
        return Traces(
            [line for line in lines if NETWORK.search(line)], files + elsewhere(lines, tmp_path), done.returncode
        )

    return run


def elsewhere(lines: list[str], allowed: Path) -> list[str]:
    """Files and folders that were made outside a folder, devices and the kernel's own files left out."""
    made = []
    for line in lines:
        if WRITTEN.search(line) and " = -1 " not in line:
            made += [path for path in QUOTED.findall(line) if path.startswith("/")]
    # Python keeps compiled modules beside their source, as pip does when it installs them.
    made = [path for path in made if "/__pycache__" not in path]
    return [path for path in made if not path.startswith((str(allowed), "/dev/", "/proc/"))]


QUICK = ("--quick", "--min-time", "0", "--min-count", "3", "--backend", "cpu", "--precision", "fp32", "--no-early-exit")


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ("doctor",)),
        (0, ("predict", "scan.png", "--bundle", "toy")),
        (0, ("predict", "scan.png", "--bundle", "toy", "--backend", "openvino")),
        (0, ("verify", "toy")),
        (5, ("compile", "toy")),
        (0, ("bench", "toy", *QUICK)),
    ],
    ids=lambda value: " ".join(value[:1] + value[4:6]) if isinstance(value, tuple) else None,
)
def test_command_leaves_no_trace(watched: Callable[..., Traces], code: int, arguments: tuple[str, ...]) -> None:
    if "openvino" in arguments:
        pytest.importorskip("openvino")
    if arguments[0] == "compile" and importlib.util.find_spec("tensorrt"):
        pytest.skip("TensorRT is here")
    assert watched(COMMAND, *arguments) == Traces([], [], code)


CASES = (
    ("list",),
    ("show", "{id}"),
    ("find", "scan.png"),
    ("note", "{id}", "--remark", "seen"),
    ("verify",),
    ("drift", "--bundle", "toy"),
    ("export", "--csv"),
    ("purge", "--before", "2000-01-01", "--yes"),
)


def test_watch_and_cases_leave_no_trace(watched: Callable[..., Traces], tmp_path: Path) -> None:
    # A watch ends by a signal: from within, so that the guard sees the whole of it.
    program = (
        "import os, signal, sys, threading, time\n"
        "def end():\n"
        "    state = os.path.expanduser('~/.local/share/edge-run/state.jsonl')\n"
        "    while not (os.path.exists(state) and os.path.getsize(state)): time.sleep(0.1)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "threading.Thread(target=end, daemon=True).start()\n"
        f"{COMMAND}"
    )
    state = str(tmp_path / "home/.local/share/edge-run/state.jsonl")
    arguments = ("watch", ".", "--bundle", "toy", "--jsonl", "--every", "0.1", "--state", state)
    assert watched(program, *arguments) == Traces([], [], 0)
    # All in one process, as their imports take longer than they do.
    several = (
        "import sys\n"
        "from edge_run.cases import CaseLog, reading\n"
        "from edge_run.cli import main\n"
        "with CaseLog.existing() as log: case, *_ = reading.cases(log)\n"
        f"for given in {CASES}:\n"
        "    sys.argv = ['edge-run', 'cases', *(part.format(id=case['id']) for part in given)]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code, (given, end.code)\n"
    )
    assert watched(several) == Traces([], [], 0)


def test_training_leaves_no_trace(watched: Callable[..., Traces], tmp_path: Path) -> None:
    pytest.importorskip("lightning")
    from samples.dataset import write_dataset

    write_dataset(tmp_path / "scans", per_split={"train": 4, "val": 2}, size=32)
    settings = ("--init", "none", "--members", "resnet18", "--size", "32", "--epochs", "1", "--batch-size", "4")
    scans, run = tmp_path / "scans", tmp_path / "run"
    assert watched(COMMAND, "train", scans, "--out", run, *settings, "--accept-weak-vote") == Traces([], [], 0)


@pytest.mark.parametrize("ci", [None, "true"])
def test_nothing_that_any_command_imports_leaves_a_trace(watched: Callable[..., Traces], ci: str | None) -> None:
    program = f"from edge_run._telemetry import keep_caches; keep_caches()\n{EVERYTHING}"
    assert watched(program, "toy/models/resnet18.fp32.onnx", *THIRD_PARTY, ci=ci) == Traces([], [], 0)


@pytest.mark.skipif(STRACE is None, reason="strace is not installed")
def test_guard_sees_a_look_up_and_a_file(watched: Callable[..., Traces], tmp_path: Path) -> None:
    program = (
        "import socket, pathlib, os\n"
        "pathlib.Path(os.environ['HOME'], 'id').write_text('')\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))\n"
    )
    left = watched(program)
    assert [bool(part) for part in left[:2]] == [True, True]
    assert str(tmp_path / "home" / "id") in left.files
    assert elsewhere(['1 openat(AT_FDCWD, "/var/tmp/id", O_WRONLY|O_CREAT, 0600) = 3'], tmp_path) == ["/var/tmp/id"]


def test_user_cannot_switch_it_on_by_accident() -> None:
    program = "import edge_run, os; print(os.environ['ORT_DISABLE_TELEMETRY'], os.environ['RAY_USAGE_STATS_ENABLED'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0", "RAY_USAGE_STATS_ENABLED": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert done.stdout == b"1 0\n"
