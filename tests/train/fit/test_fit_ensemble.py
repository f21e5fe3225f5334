"""What is drawn and kept after the members."""

import csv
import json

from edge_train.fit.fit import HISTORY
from edge_train.fit.fit_ensemble import PANELS
from edge_train.run import EnsembleRecord, read


def test_every_column_of_the_training_curves_is_in_the_history(finished):
    run = finished[-1]
    with (run.folder / "members" / run.record.members[0].arch / HISTORY).open(newline="") as file:
        columns = set(csv.DictReader(file).fieldnames or ())
    assert {column for lines in PANELS.values() for column in lines.values()} <= columns
    assert (run.folder / "plots" / "training.png").read_bytes().startswith(b"\x89PNG")


def test_runs_whose_flags_were_fitted_in_training_are_still_read(tmp_path):
    old = {"fitted_on": "val", "shrink": 0.01, "operating_point": "0.5", "threshold": 0.5, "low_confidence": 0.6,
           "flag_rate": 0.1, "members": [{"arch": "resnet18", "weight": 1.0, "temperature": 1.5}]}  # fmt: skip
    (tmp_path / "ensemble.json").write_text(json.dumps(old))
    record = read(tmp_path / "ensemble.json", EnsembleRecord)
    assert record.members[0].arch == "resnet18"
