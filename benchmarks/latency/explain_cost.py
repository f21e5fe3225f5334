"""What an explanation costs: Grad-CAM of all networks when they are loaded, and whole processes of `edge-run explain`.

    python -m benchmarks.latency.explain_cost BUNDLE RUN DATA SCAN [--rounds 3]

Prints Markdown: the median over the rounds, and the most memory that any of them held. The cache is not used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.latency.cold import COMMAND
from edge_explain.methods.gradcam import grad_cam
from edge_explain.methods.originals import load_originals
from edge_run import Bundle
from edge_run.doctor import examine
from edge_run.errors import EdgeRunError
from edge_run.scan.preprocessing import preprocess
from edge_run.scan.read import read


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    mib: float


def main(bundle: Path, run: Path, data: Path, scan: Path, rounds: int) -> None:
    """Measure and print."""
    machine = examine()
    print(f"{machine.cpu}, {machine.cores} cores, {rounds} rounds\n\n| what | seconds | MiB |\n|---|---|---|")
    opened = Bundle(bundle)
    members, size = len(opened.manifest.members), opened.manifest.preprocess.size
    warm = _grad_cams(opened, run, scan, rounds)
    print(f"| Grad-CAM of {members} networks at {size} pixels, loaded | {warm:.2f} | |")
    for name, options in ("`explain --quick`", ["--quick"]), ("`explain`", []):
        costs = [_process(bundle, run, data, scan, options) for _ in range(rounds)]
        seconds, mib = median(cost.seconds for cost in costs), max(cost.mib for cost in costs)
        print(f"| {name}, the whole process | {seconds:.1f} | {mib:.0f} |")


def _grad_cams(bundle: Bundle, run: Path, scan: Path, rounds: int) -> float:
    """Seconds of all networks, without the first time."""
    pixels = preprocess(read(scan).pixels, bundle.manifest.preprocess)[0, 0]
    originals = load_originals(bundle, run)
    taken = []
    for _ in range(rounds + 1):
        begin = time.perf_counter()
        for name in originals.ids:
            grad_cam(originals.member(name), pixels, 0)
        taken.append(time.perf_counter() - begin)
    return median(taken[1:])


def _process(bundle: Path, run: Path, data: Path, scan: Path, options: list[str]) -> Cost:
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile() as said:
        given = [scan, "--bundle", bundle, "--run", run, "--data", data, "--out", out, "--no-cache", *options]
        begin = time.perf_counter()
        process = subprocess.Popen([*COMMAND, "explain", *map(str, given)], stdout=said, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode(errors="replace"))
        return Cost(seconds, used.ru_maxrss / 1024)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("bundle", "run", "data", "scan"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    try:
        main(asked.bundle, asked.run, asked.data, asked.scan, asked.rounds)
    except EdgeRunError as error:
        sys.exit(f"error: {error.message}" + (f"\n  hint: {error.hint}" if error.hint else ""))
