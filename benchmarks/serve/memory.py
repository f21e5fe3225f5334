"""Memory and open files of the server over many requests, in ten parts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .hey import hey
from .server import Server

if TYPE_CHECKING:
    import argparse

MOST_GROWTH = 0.05
"""Of the memory after the first part, in which caches and pools are filled."""
PARTS = 10


def options(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.add_argument("--bundle", default="ct-covid", help="toy networks are enough: python -m benchmarks.serve.toys")
    parser.add_argument("--scan", type=Path, default=Path("samples/ct.png"))
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--clients", type=int, default=8)


def main(args: argparse.Namespace) -> bool:
    """Print a line for each part, and return whether the memory stays flat."""
    with tempfile.TemporaryDirectory() as folder, Server(args.bundle, Path(folder) / "cases.sqlite") as server:
        print(f"{'requests':>9} {'RSS MiB':>8} {'files':>6} {'1/s':>7} {'core ms':>8}")
        sizes, share = [], args.requests // PARTS
        for part in range(1, PARTS + 1):
            before = server.usage()
            done = hey(f"{server.url}/v1/scans", args.scan, share, args.clients)
            assert set(done.statuses) == {"200"}, done.statuses
            used = server.usage()
            sizes.append(used.rss)
            core_ms = (used.cpu_s - before.cpu_s) * 1e3 / share
            print(
                f"{part * share:9} {used.rss / 2**20:8.1f} {used.files:6} {done.rate:7.1f} {core_ms:8.2f}", flush=True
            )
    growth = sizes[-1] / sizes[0] - 1
    kept = growth <= MOST_GROWTH
    print(f"promised: at most {MOST_GROWTH:.0%} more than after the first part: {growth:+.1%}, {_said(kept)}")
    return kept


def _said(kept: bool) -> str:
    return "kept" if kept else "BROKEN"
