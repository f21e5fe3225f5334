"""NVIDIA hardware, read from the files of its drivers: cheap, and without loading any of its libraries."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# The driver's control node and its first GPU; those of a Jetson; the driver's library where Windows lends the GPU.
NVIDIA_FILES = (
    "/dev/nvidiactl",
    "/dev/nvidia0",
    "/dev/nvhost-gpu",
    "/dev/nvhost-ctrl-gpu",
    "/dev/nvgpu",
    "/usr/lib/wsl/lib/libcuda.so.1",
)


def has_nvidia_gpu(files: Sequence[str] = NVIDIA_FILES) -> bool:
    """Return whether a driver shows an NVIDIA GPU to this process; it may still not be usable."""
    return any(map(os.path.exists, files))


def nvidia_driver(file: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Return the version of NVIDIA's kernel driver, such as ``580.65.06``; empty without one."""
    match = re.search(r"^NVRM version:.*?\s(\d+\.\d[\d.]*)\s", _text(file), re.MULTILINE)
    return match[1] if match else ""


def board(file: Path = Path("/proc/device-tree/model")) -> str:
    """Return the board's name from its firmware, such as ``NVIDIA Jetson Orin Nano Developer Kit``; empty on a PC."""
    return _text(file).rstrip("\0\n")


def l4t_release(file: Path = Path("/etc/nv_tegra_release")) -> str:
    """Return the release of a Jetson's Linux, such as ``R36.4.7``; empty on other machines."""
    match = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", _text(file))
    return f"R{match[1]}.{match[2]}" if match else ""


def power_mode(status: Path = Path("/var/lib/nvpmodel/status"), modes: Path = Path("/etc/nvpmodel.conf")) -> str:
    """Return a Jetson's power mode, such as ``2 (MAXN_SUPER)``, with its name where there is one; empty elsewhere."""
    active = re.search(r"^pmode:\s*(\d+)", _text(status), re.MULTILINE)
    if not active:
        return ""
    number = int(active[1])
    named = re.search(rf"^<\s*POWER_MODEL\s+ID=0*{number}\s+NAME=(\S+)", _text(modes), re.MULTILINE)
    return f"{number} ({named[1]})" if named else str(number)


def _text(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
