"""Every command of a tutorial runs as written, in one shell, from a copy of the checkout's samples."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TUTORIALS = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
FENCE = re.compile(r"^(<!-- installs -->\n)?```bash\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
PROGRAMS = {"beside-a-pacs": ("Orthanc", "storescu"), "bedside-box": ("curl",)}
"""What a tutorial installs from Debian."""
SECONDS = 900


def script_of(tutorial: Path) -> str:
    """The commands of a tutorial but those that install, which end at the first failure."""
    blocks = FENCE.findall(tutorial.read_text())
    installs = [text for mark, text in blocks if mark]
    assert len(installs) == 1
    assert "pip install" in installs[0]
    commands = [text for mark, text in blocks if not mark]
    return "\n".join(["set -euo pipefail", "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT", *commands])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ports(text: str) -> dict[str, str]:
    """A free port for each that a tutorial names."""
    return {port: str(free_port()) for port in ("8080", "8042", "4242", "11112") if port in text}


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who has just installed: edge-run and python first on the path, an empty home."""
    (tmp_path / "bin").mkdir()
    command = "from edge_run.cli import console; console()"
    for name, line in (
        ("edge-run", f"exec {sys.executable} -c '{command}' \"$@\""),
        ("python", f'exec {sys.executable} "$@"'),
    ):
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    shutil.copytree(ROOT / "samples", tmp_path / "samples")
    (tmp_path / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "EDGE_RUN_"))}
    return kept | {"PATH": f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path / "home")}


@pytest.mark.parametrize("tutorial", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs_as_written(tutorial: Path, shell: dict[str, str], tmp_path: Path) -> None:
    for program in PROGRAMS.get(tutorial.stem, ()):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")
    if "Orthanc" in PROGRAMS.get(tutorial.stem, ()):
        pytest.skip("Orthanc as a service: tests/runtime/node starts one of its own")
    text = script_of(tutorial)
    for port, other in ports(text).items():
        text = re.sub(rf"\b{port}\b", other, text)
    done = subprocess.run(
        ["bash", "-c", text], cwd=tmp_path, env=shell, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
