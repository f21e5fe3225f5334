"""What a node withstands.

    python -m benchmarks.node crash [--kills 50] [--slices 300] [--size 128] [--bundle BUNDLE]
    python -m benchmarks.node attack [--bundle BUNDLE]
    python -m benchmarks.node associations [--count 10000] [--bundle BUNDLE]
    python -m benchmarks.node rate [--slices 300] [--size 512] [--senders 1] [--bundle BUNDLE]

Each starts `edge-run node` as a process of its own on loopback. DCMTK's storescu and echoscu are the peers. The exit
code is 1 where the figure that the documents promise was not reached.
"""

from __future__ import annotations

import argparse
import sys

from .associations import associations
from .attack import attack
from .crash import crash
from .process import require
from .rate import rate


def main() -> bool:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.node")
    parser.add_argument("what", choices=("crash", "attack", "associations", "rate"))
    parser.add_argument("--bundle", default="ct-covid")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--size", type=int)
    parser.add_argument("--senders", type=int, default=1)
    given = parser.parse_args()
    require("storescu", "echoscu")
    if given.what == "crash":
        return crash(given.kills, given.slices, given.size or 128, given.bundle)
    if given.what == "attack":
        return attack(given.bundle)
    if given.what == "associations":
        return associations(given.count, given.bundle)
    return rate(given.slices, given.size or 512, given.senders, given.bundle)


if __name__ == "__main__":
    sys.exit(not main())
