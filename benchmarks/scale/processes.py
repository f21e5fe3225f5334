"""Core-seconds of this process and of all that it started, read from Linux."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def core_seconds() -> float:
    """Return the seconds of user and system time of this process and its descendants that are alive."""
    parents: dict[int, int] = {}
    times: dict[int, float] = {}
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(entry.name)
            # The name of the program stands in brackets and may hold blanks.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[pid] = int(fields[1])
            times[pid] = (int(fields[11]) + int(fields[12])) / _TICKS
    return sum(seconds for pid, seconds in times.items() if _is_ours(pid, parents))


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid in parents:
        if pid == os.getpid():
            return True
        pid = parents[pid]
    return False
