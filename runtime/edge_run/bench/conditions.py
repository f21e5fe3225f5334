"""The conditions of a measurement: cores, clock rate, load and memory, as the system reports them."""

from __future__ import annotations

import os
from pathlib import Path

from edge_run.machine.cores import CGROUP_QUOTA

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
STATUS = Path("/proc/self/status")


def affinity() -> tuple[int, ...]:
    """Return the cores that this process may run on; empty where the system does not report them."""
    allowed = getattr(os, "sched_getaffinity", None)
    return tuple(sorted(allowed(0))) if allowed else ()


def cgroup_cores(quota_file: Path = CGROUP_QUOTA) -> float | None:
    """Return how many cores the cgroup's CPU quota is worth; None without a quota."""
    try:
        quota, period = quota_file.read_text().split()[:2]
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def governor(file: Path = GOVERNOR) -> str:
    """Return the governor of the first core's clock rate; empty where the system does not report it."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def load() -> float:
    """Return the system's load average over one minute."""
    return round(os.getloadavg()[0], 2)


def peak_memory(status: Path = STATUS) -> int | None:
    """Return the largest resident memory of this process, bytes; None where the system does not report it.

    Not ``getrusage``: on Linux its maximum is inherited from the process that started this one.
    """
    try:
        words = next(line.split() for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(words[1]) * 1024
    except (OSError, StopIteration, ValueError, IndexError):
        return None
