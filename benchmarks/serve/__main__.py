"""Ask `edge-run serve` as it will be asked at its worst.

    python -m benchmarks.serve load     # throughput beside predict_many's, and latency at half load (needs hey)
    python -m benchmarks.serve memory   # memory of the server over many requests (needs hey)
    python -m benchmarks.serve crash    # kill -9 while clients ask: nothing acknowledged is lost, nothing is double
    python -m benchmarks.serve attack   # slow and wrong requests, while a client asks on

Everything runs on 127.0.0.1, and each server is ended with its command. ``--help`` after a command shows its options.
"""

from __future__ import annotations

import argparse
import sys

from . import attack, crash, load, memory

COMMANDS = {"load": load, "memory": memory, "crash": crash, "attack": attack}


def main() -> int:
    """Run one command, and return 1 where one of its promises is broken."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        module.options(commands.add_parser(name, description=module.__doc__))
    given = parser.parse_args()
    return int(not COMMANDS[given.command].main(given))


if __name__ == "__main__":
    sys.exit(main())
