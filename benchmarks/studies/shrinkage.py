"""How far to shrink the voting weights, on validation scans that did not fit them.

    python -m benchmarks.studies.shrinkage RUN

Temperatures and weights are fitted on four fifths of the validation groups and judged on the last fifth, in turn, for
ten shufflings of the groups. Judged on the scans that fitted them, less shrinkage always looks better.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.predictions import read_predictions
from edge_run.calibration.temperature import fit_temperature, nll
from edge_run.calibration.weights import fit_weights
from edge_run.voting.vote import softmax, vote
from edge_train import Run

FOLDS, SHUFFLES = 5, 10


def main(run: Run) -> None:
    """Print a line per shrinkage: held-out NLL of the vote and of the member that is best on its own."""
    labels, ids = run.record.labels, [member.id for member in run.record.members]
    by_member, targets, groups = read_predictions(run, "val")
    logits = [by_member[name] for name in ids]
    for shrink in (0.0, 0.01, 0.02, 0.05, 0.1, 0.5):
        found = []
        for seed in range(SHUFFLES):
            names = np.random.default_rng(seed).permutation(np.unique(groups))
            fold = np.array([{name: i % FOLDS for i, name in enumerate(names)}[group] for group in groups])
            voted, members = np.zeros((len(targets), len(labels))), np.zeros((len(ids), len(targets), len(labels)))
            for k in range(FOLDS):
                fit, judge = fold != k, fold == k
                temperatures = [fit_temperature(values[fit], targets[fit]) for values in logits]
                pairs = list(zip(logits, temperatures, strict=True))
                fitted = np.stack([softmax(values[fit], t) for values, t in pairs])
                members[:, judge] = np.stack([softmax(values[judge], t) for values, t in pairs])
                voted[judge] = vote(members[:, judge], fit_weights(fitted, targets[fit], shrink=shrink))
            found.append((nll(voted, targets), *(nll(p, targets) for p in members)))
        ours, *alone = np.mean(found, axis=0)
        best = int(np.argmin(alone))
        wins = sum(row[0] < row[1 + best] for row in found)
        alone_best = f"{ids[best]} {alone[best]:.4f}"
        print(f"shrink {shrink:<5} vote {ours:.4f}   {alone_best}   vote better in {wins} of {SHUFFLES}")


if __name__ == "__main__":
    main(Run(Path(sys.argv[1])))
