"""What the measured figures mean for machines that can be rented, and where the next bottleneck stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from benchmarks.scale.simulate import Division, Fleet, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scale.measured import Measured

MILLION = 1e6
BLOCK = 256
FAILURES = {"not at all": 1e9, "every 30 days": 720.0, "every day": 24.0}
"""Mean hours between two failures of one node."""


class Machine(NamedTuple):
    """A machine type: name, virtual CPUs, price of an hour. The price is an input; this program knows none."""

    name: str
    vcpus: int
    price: float

    @classmethod
    def parse(cls, text: str) -> Machine:
        """Read ``name:vcpus:price``."""
        name, vcpus, price = text.rsplit(":", 2)
        return cls(name, int(vcpus), float(price))


MACHINES = ("c7i.4xlarge:16:0.714", "c7g.4xlarge:16:0.579", "c7a.8xlarge:32:1.642", "own 16-core server:16:0.15")


def cost_table(found: Measured, machines: Sequence[Machine], scan_bytes: float) -> list[str]:
    """Scans in a second, traffic and cost by machine type, in shards.

    A vCPU is taken for a core of the machine that was measured.
    """
    seconds = found.core_seconds("shard") + hashing_s(found, scan_bytes)
    lines = [
        "| machine | vCPUs | price an hour | scans/s | reads | writes | a million scans take | and cost |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for machine in machines:
        rate = machine.vcpus / seconds
        hours = MILLION / rate / 3600
        # Each file is read twice: to be hashed for the list, and to be answered.
        read, written = 2 * rate * scan_bytes / 1e6, rate * found.overhead.row_bytes / 1e6
        cells = (
            machine.name, machine.vcpus, f"{machine.price:.3f}", f"{rate:.0f}", f"{read:.0f} MB/s",
            f"{written:.2f} MB/s", f"{hours:.1f} h", f"{hours * machine.price:.2f}",
        )  # fmt: skip
        lines.append(_cells(*cells))
    return lines


def hashing_s(found: Measured, scan_bytes: float) -> float:
    """Core-seconds to read and hash a scan for the list, in proportion to its size."""
    return found.overhead.hash_ms / 1e3 * max(1.0, scan_bytes / found.overhead.file_bytes)


def bottlenecks(found: Measured, machine: Machine, scan_bytes: float, storage_bytes: float) -> list[str]:
    """Say how many machines it takes until something else than their cores limits an archive."""
    over = found.overhead
    rate = machine.vcpus / found.core_seconds("shard")
    limits = {
        f"storage that reads {storage_bytes / 1e9:.1f} GB/s, once listing is done": storage_bytes / (rate * scan_bytes),
        "the one process that writes what Ray answers": 1e3 / over.row_ms / rate,
        "a listing on one core, if it is to be as fast as the answers": 1 / (rate * hashing_s(found, scan_bytes)),
    }
    lines = ["| what is full first | at how many machines |", "|---|---|"]
    lines += [_cells(name, f"{count:.1f}") for name, count in sorted(limits.items(), key=lambda one: one[1])]
    merge_s, resume_s = MILLION * over.merge_ms / 1e3, MILLION * over.resume_ms / 1e3
    merging = f"Merging a million scans takes {merge_s:.0f} s of a core, for {MILLION * over.row_bytes / 1e9:.1f} GB."
    resuming = f"A shard that goes on reads its own rows first: {resume_s:.0f} s of a core for a million."
    return [*lines, "", f"{merging} {resuming}"]


def simulation(found: Measured, machine: Machine, nodes: int, scans: float) -> list[str]:
    """Simulate an archive on many nodes that fail, divided in several ways."""
    per_second = machine.vcpus / found.core_seconds("shard")
    ray_rate = machine.vcpus / found.core_seconds("ray") if "ray" in found.samples else per_second
    # Each shard reads the whole list; its own answers are few.
    start = found.overhead.start_s + scans * found.overhead.list_ms / 1e3
    counts = (nodes, 4 * nodes, 16 * nodes)
    ways = [Division(f"{pieces} shards", pieces, start, 2.0 * machine.vcpus) for pieces in counts]
    ways.append(Division(f"Ray, blocks of {BLOCK}", max(1, round(scans / BLOCK)), 0.0, None))
    ideal = scans / (nodes * per_second) / 3600
    lines = [
        "| a node fails | division | hours | of the ideal | failures | scans answered again |",
        "|---|---|---|---|---|---|",
    ]
    for often, mtbf_h in FAILURES.items():
        for way in ways:
            rate = ray_rate if way.name.startswith("Ray") else per_second
            out = simulate(Fleet(nodes, rate, 0.05, mtbf_h, 600.0), way, scans)
            shares = f"{out.hours:.2f}", f"{ideal / out.hours:.1%}"
            lines.append(_cells(often, way.name, *shares, out.failures, out.again))
    return lines


def _cells(*values: object) -> str:
    return f"| {' | '.join(map(str, values))} |"
