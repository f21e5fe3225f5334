"""Certified early exit against all members: the same answers, in how much less time.

    python -m benchmarks.studies.early_exit BUNDLE DATA... [--split test] [--rounds 5] [--orders 6]

Every scan of the split is answered both ways, and labels and flags are compared: there must be no difference. Then the
scans are timed one at a time, one way after another for each scan, because a machine's speed drifts. Besides the
bundle's own order, the most promising other orders are timed: a stage of two members has one thread each on two cores,
a stage of one has both. Leaves with 1 if an answer differs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from benchmarks.interleave import each_scan
from benchmarks.latency import exits
from edge_export.flags.stages import Point, expected_work, partitions
from edge_run import Bundle, Ensemble
from edge_run.doctor import examine

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from edge_run import Decision

Order = tuple[tuple[str, ...], ...]
FULL = "all members"


def main(path: str, folders: Sequence[Path], split: str, rounds: int, orders: int) -> int:
    """Compare, time, print."""
    bundle = Bundle(path)
    pixels = exits.read(folders, split, bundle)
    machine = examine()
    print(f"{bundle.manifest.name} {bundle.sha256[:12]}, {split}: {len(pixels)} scans")
    print(f"{machine.cpu}, {machine.cores} cores, {rounds} rounds\n")
    with ExitStack() as stack:
        ways = {FULL: stack.enter_context(Ensemble(bundle))}
        whole = _answers(ways[FULL], pixels)
        for order in (bundle.manifest.stages, *_others(bundle, ways[FULL], pixels, orders)):
            ways[_name(order)] = stack.enter_context(Ensemble(_ordered(path, order), early_exit=True))
        own = _answers(ways[_name(bundle.manifest.stages)], pixels)
        differ = sum(_verdict(a) != _verdict(b) for a, b in zip(whole, own, strict=True))
        print(f"answers that differ, label or flags: {differ} of {len(pixels)}")
        asked = Counter(len(one.members) for one in own)
        print("members that answered: " + ", ".join(f"{n} for {asked[n] / len(own):.1%}" for n in sorted(asked)) + "\n")
        times = each_scan({name: ensemble.vote for name, ensemble in ways.items()}, pixels, rounds)
        _print({name: np.array(blocks) for name, blocks in times.items()})
    return int(differ > 0)


def _answers(ensemble: Ensemble, pixels: NDArray[np.uint8]) -> list[Decision]:
    return [ensemble.vote(pixels[n : n + 1])[0].decision for n in range(len(pixels))]


def _verdict(decision: Decision) -> tuple[str, tuple[str, ...]]:
    return decision.label, tuple(flag.name for flag in decision.flags)


def _others(bundle: Bundle, ensemble: Ensemble, pixels: NDArray[np.uint8], count: int) -> list[Order]:
    """The orders with least expected work on these scans, among those in which the compared features are at hand."""
    manifest = bundle.manifest
    ids = [m.id for m in manifest.members]
    flags = manifest.flags[ensemble.precision]
    needed = {ids.index(flags.feature_distance.member)} if flags.feature_distance else set()
    task = manifest.task
    point = Point(task.labels.index(task.positive), task.threshold, flags.low_confidence)
    p = np.concatenate([ensemble.probabilities(pixels[n : n + 16]) for n in range(0, len(pixels), 16)], axis=1)
    weights, macs = [m.weight for m in manifest.members], [m.macs for m in manifest.members]
    found = [stages for stages in partitions(tuple(range(len(ids)))) if needed <= set(stages[0]) and len(stages) > 1]
    found.sort(key=lambda stages: expected_work(stages, weights, macs, p, point))
    named = [tuple(tuple(ids[m] for m in stage) for stage in stages) for stages in found]
    own = {frozenset(stage) for stage in manifest.stages}
    return [order for order in named if {frozenset(stage) for stage in order} != own][:count]


def _ordered(path: str, order: Order) -> Bundle:
    bundle = Bundle(path)
    bundle.manifest = msgspec.structs.replace(bundle.manifest, stages=order)
    return bundle


def _name(order: Order) -> str:
    return " > ".join(" + ".join(stage) for stage in order)


def _print(times: Mapping[str, NDArray[np.float64]]) -> None:
    print("| order | mean ms | p50 | p95 | mean, all members = 1 |\n|---|---|---|---|---|")
    full = times[FULL].mean()
    for name, values in times.items():
        p50, p95 = np.quantile(values, (0.5, 0.95))
        print(f"| {name} | {values.mean():.1f} | {p50:.1f} | {p95:.1f} | {full / values.mean():.2f}x faster |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--split", default="test")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--orders", type=int, default=6)
    given = parser.parse_args()
    sys.exit(main(given.bundle, given.data, given.split, given.rounds, given.orders))
