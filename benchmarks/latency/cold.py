"""One scan, from the command to its answer: `edge-run predict` and a PyTorch script in turn.

    python -m benchmarks.latency.cold [--work runs/latency] [--rounds 7]

The time on the wall of the whole process, Python's start included, with the files in the page cache for both.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.interleave import Blocks, Stop, interleave, medians, ratios, spread
from edge_run.doctor import examine

OURS, PYTORCH = "edge-run predict", "PyTorch script"
ROOT = Path(__file__).parents[2]
SCAN = ROOT / "samples" / "ct.png"
COMMAND = [sys.executable, "-m", "edge_run"]


def write_weights(folder: Path) -> Path:
    """Write random weights for `cold_pytorch.py`, once."""
    import torch
    from safetensors.torch import save_file

    from benchmarks.latency.cold_pytorch import NETWORKS, empty

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for name in NETWORKS:
        path = folder / f"{name}.safetensors"
        if not path.is_file():
            state = empty(name).state_dict()
            # BatchNorm's variance must not be negative; nothing else matters to the time.
            save_file({key: torch.rand(t.shape).mul(0.1).to(t.dtype) for key, t in state.items()}, path)
    return folder


def measure(bundle: str, weights: Path, rounds: int) -> dict[str, Blocks]:
    """Milliseconds of each process, by way."""
    ours = [*COMMAND, "predict", str(SCAN), "--bundle", bundle, "--no-case-log"]
    theirs = [sys.executable, str(Path(__file__).with_name("cold_pytorch.py")), str(weights), str(SCAN)]

    def process(command: list[str]) -> object:
        return subprocess.run(command, check=True, capture_output=True)

    return interleave({OURS: lambda: process(ours), PYTORCH: lambda: process(theirs)}, Stop(rounds, 0.0, calls=1))


def main(bundle: str, work: Path, rounds: int) -> None:
    """Measure and print."""
    taken = measure(bundle, write_weights(work / "cold"), rounds)
    machine = examine()
    print(f"{machine.cpu}, {machine.cores} cores, {rounds} rounds\n")
    print("| process | median ms | least | most |\n|---|---|---|---|")
    for name, blocks in taken.items():
        found = spread(medians(blocks))
        print(f"| {name} | {found.median:.0f} | {found.least:.0f} | {found.most:.0f} |")
    found = spread(ratios(taken[PYTORCH], taken[OURS]))
    print(f"| ratio | {found.median:.1f} | {found.least:.1f} | {found.most:.1f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default="ct-covid")
    parser.add_argument("--work", type=Path, default=Path("runs/latency"))
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    main(given.bundle, given.work, given.rounds)
