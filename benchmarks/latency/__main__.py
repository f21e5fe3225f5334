"""The ensemble's latency against what a user would pick instead, each at its fastest, and against the machine's limit.

    python -m benchmarks.latency [BUNDLE] [--data DATA...] [--run RUN] [--json OUT] [--plot STEM]

All peers answer the same scan with the same four networks, in one process. First the forms of each peer compete
(networks one after another, side by side, ...); then the fastest of each take turns, round by round, because a
machine's speed drifts, and ratios are of blocks of one round. RUN holds the PyTorch originals; without it, networks
with random weights stand in, which are as fast. Certified exit is timed on the test split of DATA. What is exported
and compiled is kept in --work: the first time takes some minutes more. Prints Markdown; --json keeps every sample.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.interleave import Stop, interleave
from benchmarks.latency import cold, exits
from benchmarks.latency.peers import MODULES, Material
from benchmarks.latency.plot import draw
from benchmarks.latency.report import Found, print_report, write_json
from benchmarks.latency.targets import scaled
from benchmarks.latency.tournament import compete
from edge_run import Bundle
from edge_train.run import Run

if TYPE_CHECKING:
    from benchmarks.interleave import Blocks
    from benchmarks.latency.peers import Form, Opened
    from benchmarks.latency.tournament import Tried


def main(args: argparse.Namespace) -> None:
    """Prepare, let forms compete, time the fastest, print."""
    bundle = Bundle(args.bundle)
    material = Material(bundle, args.work, Run(args.run) if args.run else None)
    _say("exporting what is not in", args.work)
    with redirect_stdout(sys.stderr):  # some libraries talk there
        material.prepare()
        tried, fastest = _trials(material, args.peers, Stop(args.trial_rounds, 0.0))
    _say("timing the fastest of each")
    calls = {name: opened.call for name, opened in fastest.items() if opened.call}
    taken = interleave(calls, Stop(args.rounds, args.seconds))
    taken = {name: scaled(blocks, fastest[name].form) for name, blocks in taken.items()}
    for opened in fastest.values():
        opened.stack.close()
    taken |= _apart(args, bundle)
    found = Found(bundle, material.weights, tried, {n: o.form for n, o in fastest.items()}, taken)
    print_report(found)
    if args.json:
        write_json(found, args.json)
    if args.plot:
        draw(found, args.plot)


def _trials(material: Material, peers: list[str], stop: Stop) -> tuple[list[Tried], dict[str, Opened]]:
    """Of every peer and precision: all trials, and the fastest form, open."""
    groups: dict[str, list[Form]] = {}
    for peer in peers:
        for form in importlib.import_module(f"benchmarks.latency.peers.{peer}").forms(material):
            groups.setdefault(form.group, []).append(form)
    tried: list[Tried] = []
    fastest: dict[str, Opened] = {}
    for name, forms in groups.items():
        _say("trying", name)
        trials, best = compete(forms, material, stop)
        tried += trials
        if best:
            fastest[name] = best
    return tried, fastest


def _apart(args: argparse.Namespace, bundle: Bundle) -> dict[str, Blocks]:
    """What is timed by itself: early exit, and whole processes."""
    taken: dict[str, Blocks] = {}
    if args.data:
        _say("timing certified exit")
        scans = exits.read(args.data, "test", bundle, args.scans)
        taken |= exits.measure(bundle, "int8-cpu", scans, args.passes)
    if args.processes:
        _say("timing whole processes")
        taken |= cold.measure(args.bundle, cold.write_weights(args.work / "cold"), args.processes)
    return taken


def _say(*words: object) -> None:
    print(*words, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?", default="ct-covid")
    parser.add_argument("--data", type=Path, nargs="+")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--work", type=Path, default=Path("runs/latency"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path, help="writes STEM.png and STEM.svg")
    parser.add_argument("--peers", nargs="+", choices=MODULES, default=list(MODULES))
    parser.add_argument("--trial-rounds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=20, help="least number of them")
    parser.add_argument("--seconds", type=float, default=60.0, help="least time of them all")
    parser.add_argument("--scans", type=int, help="most scans of DATA; all by default")
    parser.add_argument("--passes", type=int, default=3, help="over the scans of DATA")
    parser.add_argument("--processes", type=int, default=7, help="cold starts of each; 0 leaves them out")
    return parser.parse_args()


if __name__ == "__main__":
    main(_arguments())
