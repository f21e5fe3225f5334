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


def test_weak_vote_is_refused_and_nothing_can_be_exported_of_it(finished, scratch, monkeypatch):
    import shutil

    import pytest

    from edge_run.errors import BundleError, GateError
    from edge_train import Run, train

    out = shutil.copytree(finished.run.folder, scratch / "run")
    monkeypatch.setattr("edge_train.fit.fit_ensemble.weaknesses", lambda *_: ["the vote is not better than chance"])
    options = {"resume": True, "hardware": {"accelerator": "cpu", "devices": 1}}
    with pytest.raises(GateError, match="not better than chance") as caught:
        train([finished.data], out, finished.config, **options)
    assert "--accept-weak-vote" in caught.value.hint
    with pytest.raises(BundleError, match=r"ensemble\.json is missing"):
        Run(out)
    run = train([finished.data], out, finished.config, accept_weak_vote=True, **options)
    assert "the vote is not better than chance" in run.ensemble.warnings
    assert (run.ensemble.rule, run.ensemble.shrink) == ("one-standard-error", 0.0)
    assert set(run.ensemble.nll) == {"vote", "equal", "chance", "resnet18"}


def test_ensemble_of_the_former_rule_is_read():
    import msgspec

    from edge_train.run import EnsembleRecord

    text = b"""{"fitted_on": "val", "shrink": 0.01, "operating_point": "0.5", "threshold": 0.5,
        "members": [{"id": "resnet18", "weight": 1.0, "temperature": 1.2, "cost_of_dropping": null}]}"""
    record = msgspec.json.decode(text, type=EnsembleRecord)
    assert (record.rule, record.evenness, record.members[0].cost_error) == ("shrink", None, None)
