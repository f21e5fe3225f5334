"""Answer many scans and watch the memory.

    python -m benchmarks.latency.soak [BUNDLE] [--scans 10000] [--early-exit]

Scans are drawn as they are asked for, written to one of a few files and read from there, so that neither the disk nor a
list of arrays grows. Prints the resident memory at every tenth of the way, and scans per second for each core.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from edge_run import Ensemble, InputError
from edge_run.doctor import examine
from edge_run.scan.inputs import Input

if TYPE_CHECKING:
    from collections.abc import Iterator

SIDES = (256, 512, 768)
# More than a stream ever has under way, so that no file is written anew before it is read.
FILES = 64


def main(args: argparse.Namespace, folder: Path) -> None:
    """Answer, and say what it took."""
    with Ensemble.load(args.bundle, early_exit=args.early_exit) as ensemble:
        begin, busy, failed, kept = time.perf_counter(), time.process_time(), 0, []
        answers = ensemble.predict_many(_drawn(folder, args.scans))
        for done, answer in enumerate(answers, 1):
            failed += isinstance(answer.outcome, InputError)
            if done % max(1, args.scans // 10) == 0 or done == 1:
                kept.append(_resident())
                print(f"{done:>8} scans {kept[-1]:8.1f} MiB resident", flush=True)
        wall, cores = time.perf_counter() - begin, time.process_time() - busy
        backend = f"{ensemble.manifest.name}, {ensemble.backend}, {ensemble.precision}, early exit {args.early_exit}"
    machine = examine()
    middle = kept[len(kept) // 2]
    print(f"{machine.cpu}, {machine.cores} cores; {backend}")
    print(f"resident: {kept[0]:.1f} MiB at the start, {middle:.1f} in the middle, {kept[-1]:.1f} at the end, "
          f"at most {max(kept):.1f}; {failed} of {args.scans} not answered")  # fmt: skip
    print(f"{args.scans / wall:.1f} scans/s; {args.scans / cores:.1f} for each second of a core, drawing included")


def _drawn(folder: Path, scans: int) -> Iterator[Input]:
    rng = np.random.default_rng(0)
    canvas = cv2.GaussianBlur(rng.normal(128, 400, (2048, 2048)), (0, 0), 6).clip(0, 255).astype(np.uint8)
    for n in range(scans):
        side = SIDES[n % len(SIDES)]
        y, x = rng.integers(0, 2048 - side, 2)
        path = folder / f"{n % FILES:02}.png"
        # A hundredth is damaged.
        cv2.imwrite(str(path), canvas[y : y + side, x : x + side], [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if n % 100 == 99:
            path.write_bytes(path.read_bytes()[:1000])
        yield Input(path.name, path)


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default="ct-covid")
    parser.add_argument("--scans", type=int, default=10000)
    parser.add_argument("--early-exit", action="store_true")
    with tempfile.TemporaryDirectory() as place:
        main(parser.parse_args(), Path(place))
