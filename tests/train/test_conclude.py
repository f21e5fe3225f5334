"""What is drawn and kept after the members."""

import csv

import numpy as np

from edge_train.conclude import PANELS, fit_ensemble
from edge_train.fit import HISTORY


def test_every_column_of_the_training_curves_is_in_the_history(finished):
    run = finished[-1]
    with (run.folder / "members" / run.record.members[0].arch / HISTORY).open(newline="") as file:
        columns = set(csv.DictReader(file).fieldnames or ())
    assert {column for lines in PANELS.values() for column in lines.values()} <= columns
    assert (run.folder / "plots" / "training.png").read_bytes().startswith(b"\x89PNG")


def test_flag_threshold_flags_the_share_it_names():
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 2, 400)
    logits = {arch: rng.normal(0, 2, (400, 2)) + 2 * np.eye(2)[targets] for arch in ("resnet18", "googlenet")}
    record, members = fit_ensemble(logits, targets, positive=0, operating_point="0.5")
    voted = np.tensordot([voter.weight for voter in record.members], members, axes=1)
    assert abs((voted.max(axis=1) < record.low_confidence).mean() - record.flag_rate) < 0.01
