"""The processor's name and its instruction sets, as Linux shows them."""

from __future__ import annotations

import platform
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def cpu_flags(cpuinfo: Path = CPUINFO) -> frozenset[str]:
    """Return the instruction-set flags of the first core, by Linux's names; empty on other systems."""
    values = _values(cpuinfo, ("flags", "Features"))
    return frozenset(values[0].split()) if values else frozenset()


def cpu_name(cpuinfo: Path = CPUINFO) -> str:
    """Return the processor's model name, or its architecture where the system has no name for it."""
    values = _values(cpuinfo, ("model name",))
    return values[0] if values else platform.machine()


def _values(cpuinfo: Path, keys: tuple[str, ...]) -> list[str]:
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(keys)]
