"""The packages that edge-run requires: their versions, and whether they can be imported."""

from __future__ import annotations

import functools
import importlib
import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

# Each package with the module that it brings.
REQUIRED = {
    "numpy": "numpy",
    "opencv-python-headless": "cv2",
    "onnxruntime": "onnxruntime",
    "typer": "typer",
    "msgspec": "msgspec",
}
SECONDS = 60.0
_IMPORT = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import edge_run; __import__(sys.argv[2])"


def package_version(package: str) -> str:
    """Return the version of an installed package; ``missing`` where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


@functools.cache
def broken_packages() -> dict[str, str]:
    """Try to import each required package in a process of its own, which it may crash.

    Returns
    -------
    The reason by package, of those that cannot be imported.
    """
    path = json.dumps([entry for entry in sys.path if entry])
    children = {
        package: subprocess.Popen(  # noqa: S603 - this interpreter, and code of this package
            [sys.executable, "-I", "-c", _IMPORT, path, module],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for package, module in REQUIRED.items()
    }
    reasons = {package: _reason(child) for package, child in children.items()}
    return {package: reason for package, reason in reasons.items() if reason}


def find_broken() -> tuple[str, str] | None:
    """Return the first required package that cannot be imported into this process, and the reason; None without one."""
    for package, module in REQUIRED.items():
        try:
            importlib.import_module(module)
        except ImportError as error:
            return package, str(error)
    return None


def reinstall(package: str) -> str:
    """Return the command that repairs a required package."""
    return f"pip install --force-reinstall {package}"


def _reason(child: subprocess.Popen[bytes]) -> str:
    try:
        _, stderr = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return f"the import had not ended after {SECONDS:.0f} s"
    if child.returncode < 0:
        return f"the import ends the process with signal {-child.returncode}"
    lines = [line for line in stderr.decode(errors="replace").splitlines() if line.strip()]
    return (lines[-1][:400] if lines else "the import fails") if child.returncode else ""
