"""The plan for many machines: plain arithmetic and a simulation that loses nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.scale.measured import Measured, Overhead, Sample, write
from benchmarks.scale.model import Machine, cost_table
from benchmarks.scale.processes import core_seconds
from benchmarks.scale.simulate import Division, Fleet, simulate

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = Measured(
    "a machine, 2 cores",
    "toy, 2 threads",
    10,
    {"predict_many": [Sample(0.05, 0.1)], "shard": [Sample(0.05, 0.1)], "ray": [Sample(0.06, 0.12)]},
    Overhead(0.03, 0.4, 0.0005, 0.01, 0.1, 2000, 100_000, 5.0),
)
FLEET = Fleet(nodes=10, rate=100.0, spread=0.0, mtbf_h=1e9, repair_s=600.0)


def test_without_failures_and_overhead_a_fleet_is_ideal() -> None:
    out = simulate(FLEET, Division("shards", 10, 0.0, 0.0), 1e6)
    assert out.hours == pytest.approx(out.ideal_hours) == pytest.approx(1e6 / 1000 / 3600)
    assert (out.failures, out.again) == (0, 0)


def test_failures_cost_what_they_lose_and_the_repair() -> None:
    failing = FLEET._replace(mtbf_h=0.5)
    kept, lost = (simulate(failing, Division("shards", 100, 0.0, most), 1e6) for most in (5.0, None))
    assert kept.failures > 0
    assert kept.again <= 5 * kept.failures
    assert lost.again > kept.again
    assert kept.hours > kept.ideal_hours
    # All nodes together cannot be faster than without failures, and each failure stops one for the repair.
    assert kept.hours * 10 >= kept.ideal_hours * 10 + 0.9 * (kept.failures - 10) * 600 / 3600 * 0.5


def test_start_of_each_shard_costs_time() -> None:
    few, many = (simulate(FLEET, Division("shards", pieces, 60.0, 0.0), 1e6).hours for pieces in (10, 1000))
    assert few == pytest.approx(1e6 / 1000 / 3600 + 1 / 60)
    assert many == pytest.approx(1e6 / 1000 / 3600 + 100 / 60)


def test_cost_of_a_million_is_time_by_price() -> None:
    row = cost_table(MEASURED, [Machine.parse("c7i.4xlarge:16:0.714")], 100_000)[2]
    seconds = 0.1 + 0.0004
    assert f"{1e6 * seconds / 16 / 3600 * 0.714:.2f}" in row


def test_commands_print_their_tables(tmp_path: Path) -> None:
    write(tmp_path / "scale.json", MEASURED)
    for command, text in {"report": "| ray | 120.0 |", "plan": "| every day | Ray, blocks of 256 |"}.items():
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale", "--results", str(tmp_path / "scale.json"), command],
            capture_output=True,
            text=True,
            check=True,
        )
        assert text in done.stdout


def test_core_seconds_include_children() -> None:
    before = core_seconds()
    child = subprocess.Popen([sys.executable, "-c", "print(sum(range(30_000_000)), flush=True); input()"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert child.stdout
    child.stdout.readline()
    during = core_seconds()
    child.communicate(b"\n")
    assert during > before
