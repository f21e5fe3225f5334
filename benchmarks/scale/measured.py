"""The figures of one measurement, as they are kept in a file and as the model takes them."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import NamedTuple

import msgspec

RESULTS = Path("benchmarks/results/scale.json")
WAYS = ("predict_many", "shard", "ray")
WANTED = {"shard": 0.95, "ray": 0.85}


class Sample(NamedTuple):
    """Scans of one way in one round: seconds on the wall and seconds of all cores, each for one scan."""

    wall: float
    cores: float


class Overhead(msgspec.Struct, frozen=True):
    """Costs beside the networks, milliseconds of a core.

    Attributes
    ----------
    row_ms
        To make, chain and append the row of a scan.
    hash_ms
        To read and hash a file of ``file_bytes`` for the list.
    list_ms
        To pass over an entry of the list that belongs to another shard.
    resume_ms
        To find in the output that a scan has been answered.
    merge_ms
        To verify, sort and write a row.
    row_bytes, file_bytes
        Of a row in a part, and of a scan as it was measured.
    start_s
        From the start of a shard's process to its first answer, seconds on the wall.
    """

    row_ms: float
    hash_ms: float
    list_ms: float
    resume_ms: float
    merge_ms: float
    row_bytes: float
    file_bytes: float
    start_s: float


class Measured(msgspec.Struct, frozen=True):
    """Samples by way, in the order of the rounds, and the costs beside the networks."""

    machine: str
    bundle: str
    scans: int
    samples: dict[str, list[Sample]]
    overhead: Overhead

    def core_seconds(self, way: str) -> float:
        """Return the median of the core-seconds that a scan takes."""
        return statistics.median(sample.cores for sample in self.samples[way])

    def ratio(self, way: str, figure: str) -> list[float]:
        """Return, by round, the throughput of a way over that of `predict_many`: ``wall`` or ``cores``."""
        return [
            getattr(base, figure) / getattr(ours, figure)
            for base, ours in zip(self.samples["predict_many"], self.samples[way], strict=True)
        ]


def read(path: Path) -> Measured:
    """Read what was measured."""
    return msgspec.json.decode(path.read_bytes(), type=Measured)


def write(path: Path, found: Measured) -> None:
    """Keep what was measured."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
