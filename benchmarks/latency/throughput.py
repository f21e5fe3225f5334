"""Scans per second of a stream, by batch size and by how many calls of the networks are under way at once.

    python -m benchmarks.latency.throughput [BUNDLE] [--early-exit] [--backend auto] [--scans 48] [--rounds 5]

The ways take turns, round by round, because a machine's speed drifts. Beside the time on the wall stands the time of
all cores, which says the same on a machine that does other things as well. The scans are phantoms of 512x512, read
from PNG files, so that reading is part of it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from edge_run import Ensemble
from edge_run.doctor import examine
from edge_run.ensemble.predict_many import BatchPlan
from edge_run.scan.inputs import expand

BATCHES, AT_ONCE = (1, 2, 4, 8), (1, 2)


def main(args: argparse.Namespace) -> None:
    """Time all ways in turn and print a table."""
    ways = [BatchPlan(batch, at_once) for at_once in AT_ONCE for batch in BATCHES]
    walls: dict[BatchPlan, list[float]] = {way: [] for way in ways}
    cores: dict[BatchPlan, list[float]] = {way: [] for way in ways}
    with (
        tempfile.TemporaryDirectory() as folder,
        Ensemble.load(args.bundle, backend=args.backend, early_exit=args.early_exit) as ensemble,
    ):
        _draw(Path(folder), args.scans)
        inputs = expand([folder])
        for _ in range(args.rounds):
            for way in ways:
                begin, busy = time.perf_counter(), time.process_time()
                answered = sum(1 for _ in ensemble.predict_many(inputs, plan=way))
                walls[way].append((time.perf_counter() - begin) / answered * 1e3)
                cores[way].append((time.process_time() - busy) / answered * 1e3)
        machine, backend = examine(), f"{ensemble.backend}, {ensemble.precision}, early exit {args.early_exit}"
    print(f"{machine.cpu}, {machine.cores} cores; {backend}; {args.rounds} rounds of {args.scans} scans; ms a scan")
    print(f"{'batch':>5} {'at once':>8} {'wall':>8} {'least':>8} {'all cores':>10} {'least':>8} {'scans/s':>8}")
    for way in ways:
        wall, core = walls[way], cores[way]
        figures = (statistics.median(wall), min(wall), statistics.median(core), min(core))
        print("{:5} {:8} {:8.1f} {:8.1f} {:10.1f} {:8.1f} {:8.1f}".format(*way, *figures, 1e3 / figures[0]))


def _draw(folder: Path, scans: int) -> None:
    rng = np.random.default_rng(0)
    for n in range(scans):
        noise = cv2.GaussianBlur(rng.normal(128, 400, (512, 512)), (0, 0), 6)
        cv2.imwrite(str(folder / f"{n:04}.png"), np.clip(noise, 0, 255).astype(np.uint8))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default="ct-covid")
    parser.add_argument("--early-exit", action="store_true")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--scans", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
