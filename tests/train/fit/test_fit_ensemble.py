"""What is drawn and kept after the members."""

import csv

from edge_train.fit.fit import HISTORY
from edge_train.fit.fit_ensemble import PANELS


def test_every_column_of_the_training_curves_is_in_the_history(finished):
    run = finished[-1]
    with (run.folder / "members" / run.record.members[0].id / HISTORY).open(newline="") as file:
        columns = set(csv.DictReader(file).fieldnames or ())
    assert {column for lines in PANELS.values() for column in lines.values()} <= columns
    assert (run.folder / "plots" / "training.png").read_bytes().startswith(b"\x89PNG")
