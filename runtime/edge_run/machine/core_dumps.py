"""Keep a process from leaving its memory, with patients' scans in it, on the disk when it crashes."""

from __future__ import annotations

import resource


def disable() -> None:
    """Have the system write no core dump of this process and of those that it starts.

    The limit is one byte and not zero: Linux ignores a limit of zero where a program takes the dumps (core(5)), and
    refuses to hand them over where it is one.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = 1 if most == resource.RLIM_INFINITY else min(1, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
