"""How many slices a second are acknowledged, each synced, renamed and committed."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

from .process import acknowledged, free_port, running, start_sending
from .series import write_long_series

WANTED = 80.0


def rate(slices: int, size: int, senders: int, bundle: str) -> bool:
    """Send series at once, print; True where the pace is that which is wanted."""
    with tempfile.TemporaryDirectory(prefix="edge-run-rate-") as name:
        folder = Path(name)
        sets = [write_long_series(folder / f"series{n}", slices, seed=n, size=size) for n in range(senders)]
        data = sets[0][0].read_bytes()
        with running(folder / "node", free_port(), "--bundle", bundle) as node:
            begin = time.perf_counter()
            sending = [start_sending(node.port, files) for files in sets]
            told = sum(len(acknowledged(one.communicate(timeout=600)[0])) for one in sending)
            seconds = time.perf_counter() - begin
            syncs = _syncs(folder, data)
    pace = told / seconds
    print(
        f"{told} slices of {size}x{size} from {senders} senders, acknowledged in {seconds:.1f} s: {pace:.0f} a second, "
        f"{pace * len(data) / 2**20:.0f} MiB/s; the disk alone writes and syncs {syncs:.0f} such files a second "
        f"(load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)"
    )
    return told == slices * senders and pace >= WANTED


def _syncs(folder: Path, data: bytes, count: int = 50) -> float:
    begin = time.perf_counter()
    for n in range(count):
        with (folder / f"{n}.probe").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    return count / (time.perf_counter() - begin)
