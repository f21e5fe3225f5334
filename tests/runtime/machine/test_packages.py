"""Required packages that are there and cannot be imported, as after a library of the system is gone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run.machine import packages
from toy import png, scan

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = "from edge_run.cli import console; console()"
BROKEN = "raise ImportError('libGL.so.1: cannot open shared object file')"


def run(tmp_path: Path, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run edge-run where a module is broken."""
    folder = tmp_path / "broken" / module
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(BROKEN)
    path = os.pathsep.join([str(folder.parent), *map(os.path.abspath, filter(None, sys.path))])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, "-c", COMMAND, *arguments], capture_output=True, text=True, env=environment, check=False
    )


@pytest.mark.parametrize(
    ("module", "package"), [("cv2", "opencv-python-headless"), ("onnxruntime", "onnxruntime"), ("numpy", "numpy")]
)
def test_broken_package_is_named_with_its_repair(tmp_path: Path, module: str, package: str) -> None:
    (tmp_path / "scan.png").write_bytes(png(scan()))
    answered = run(tmp_path, module, "predict", str(tmp_path / "scan.png"), "--no-case-log")
    assert (answered.returncode, answered.stdout) == (5, "")
    assert f"error: {package} cannot be imported: libGL.so.1" in answered.stderr
    assert f"hint: pip install --force-reinstall {package}" in answered.stderr


@pytest.mark.parametrize(("module", "package"), [("cv2", "opencv-python-headless"), ("onnxruntime", "onnxruntime")])
def test_doctor_does_not_call_it_ready(tmp_path: Path, module: str, package: str) -> None:
    found = json.loads(run(tmp_path, module, "doctor", "--json").stdout)
    assert list(found["broken"]) == [package]
    assert "libGL.so.1" in found["broken"][package]
    assert found["backends"]["cpu"]["ready"] is False
    assert found["backends"]["cpu"]["reason"] == f"{package} cannot be imported"
    assert found["backends"]["tensorrt"]["reason"].startswith(package) == (module == "cv2")
    lines = run(tmp_path, module, "doctor").stdout.splitlines()
    assert [line for line in lines if line.startswith(f"broken {package}") and "force-reinstall" in line]


def test_sound_packages_are_not_broken() -> None:
    assert packages.broken_packages() == {}
    assert packages.find_broken() is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [("import os; os.abort()", "the import ends the process with signal 6"), ("1/0", "ZeroDivisionError")],
)
def test_import_that_ends_otherwise_has_a_reason(monkeypatch: pytest.MonkeyPatch, line: str, reason: str) -> None:
    monkeypatch.setattr(packages, "_IMPORT", line)
    monkeypatch.setattr(packages, "REQUIRED", {"numpy": "numpy"})
    assert reason in packages.broken_packages.__wrapped__()["numpy"]
