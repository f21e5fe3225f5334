"""What an artefact gains over FP32: size, and speed where this machine is what it was made for."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from edge_export.graphs.simulate import Simulation

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 9
SMALLER, FASTER = 0.75, 1.1
"""An artefact gains something if it is at most this share of FP32's size, or at least this many times as fast."""


class Gain(msgspec.Struct, frozen=True):
    """An artefact beside the FP32 one.

    Attributes
    ----------
    bytes, fp32_bytes
        Sizes of the two files.
    speed
        Median over interleaved rounds of FP32's time over this one's, one scan at a time on this machine's CPU; None
        where the artefact is made for another kind of device.
    """

    bytes: int
    fp32_bytes: int
    speed: float | None

    @property
    def none(self) -> bool:
        """Neither much smaller nor faster."""
        return self.bytes > SMALLER * self.fp32_bytes and (self.speed is None or self.speed < FASTER)


def measure_gain(artefact: Path, fp32: Path, size: int, *, here: bool) -> Gain:
    """Compare an artefact with the FP32 graph.

    Parameters
    ----------
    here
        The CPU is what it was made for; elsewhere its time says nothing.
    """
    speed = _speed(artefact, fp32, size) if here and artefact != fp32 else None
    return Gain(artefact.stat().st_size, fp32.stat().st_size, 1.0 if artefact == fp32 else speed)


def _speed(artefact: Path, fp32: Path, size: int) -> float:
    scan = np.random.default_rng(0).integers(0, 256, (1, 1, size, size), dtype=np.uint8)
    sessions = [Simulation(path) for path in (fp32, artefact)]
    ratios = []
    for _ in range(ROUNDS):
        times = []
        for session in sessions:
            session.run(scan)  # the other one's weights have just had the caches
            begin = time.perf_counter()
            session.run(scan)
            times.append(time.perf_counter() - begin)
        ratios.append(times[0] / times[1])
    return statistics.median(ratios)
