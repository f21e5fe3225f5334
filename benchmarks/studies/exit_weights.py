"""Voting weights that let more scans stop early, for half a percent of validation NLL at most.

    python -m benchmarks.studies.exit_weights RUN [--nll 0.005]

Tries all weights in steps of a twentieth, and the run's own. A heavier small member settles more scans before the
large ones have answered. Work is expected multiply-adds on the busier of two cores (`edge_export.flags.stages`), the
scans are those of the validation split, whose NLL also fitted the run's weights.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.predictions import read_predictions
from edge_export.flags.stages import Point, expected_work, low_confidence, makespan, partitions
from edge_run.calibration.temperature import nll
from edge_run.voting.vote import softmax, vote
from edge_train import Run

STEPS = 20
MACS = {"resnet18": 1.8, "googlenet": 1.5, "resnet50": 4.1, "resnet101": 7.8}
"""Thousand million multiply-adds of one scan of 224 x 224 (He et al. 2016, table 1; Szegedy et al. 2015)."""


def main(run: Run, more: float, flag_rate: float) -> None:
    """Print the run's own weights and the best found."""
    record, fitted = run.record, run.ensemble
    ids = [voter.id for voter in fitted.members]
    logits, targets, _ = read_predictions(run, fitted.fitted_on)
    p = np.stack([softmax(logits[v.id], v.temperature) for v in fitted.members])
    archs = {member.id: member.arch for member in record.members}
    macs = [int(MACS[archs[name]] * 10) for name in ids]
    own = tuple(voter.weight for voter in fitted.members)
    limit = nll(vote(p, own), targets) * (1 + more)
    positive = record.labels.index(record.positive)

    def judged(weights: tuple[float, ...]) -> tuple[float, tuple[tuple[int, ...], ...]]:
        point = Point(positive, fitted.threshold, low_confidence(p, weights, flag_rate))
        orders = partitions(tuple(range(len(ids))), first=min(2, len(ids)))
        return min((expected_work(order, weights, macs, p, point), order) for order in orders)

    grid = (tuple(n / STEPS for n in steps) for steps in product(range(STEPS + 1), repeat=len(ids)))
    kept = [w for w in grid if abs(sum(w) - 1) < 1e-9 and nll(vote(p, w), targets) <= limit]
    best = min(kept, key=lambda w: judged(w)[0], default=own)
    print(f"{len(targets)} scans of {fitted.fitted_on}, {len(kept)} weights within {more:.1%} of the run's NLL\n")
    print("| weights | " + " | ".join(ids) + " | NLL | order | work, all members = 1 |")
    print("|---" * (len(ids) + 4) + "|")
    for name, weights in (("the run's", own), ("best", best)):
        work, order = judged(weights)
        stages = " > ".join(" + ".join(ids[m] for m in stage) for stage in order)
        shares = " | ".join(f"{w:.3f}" for w in weights)
        print(f"| {name} | {shares} | {nll(vote(p, weights), targets):.4f} | {stages} | {work / makespan(macs):.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--nll", type=float, default=0.005)
    parser.add_argument("--flag-rate", type=float, default=0.1)
    given = parser.parse_args()
    main(Run(given.run), given.nll, given.flag_rate)
