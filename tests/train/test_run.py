from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch

from edge_run.errors import BundleError, UsageError
from edge_train import Run, train
from edge_train.data.dataset import decode, read_folders
from edge_train.networks.infer import infer
from samples.dataset import write_dataset

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = {"accelerator": "cpu", "devices": 1}
RECORDS = ("run.json", "ensemble.json")
REQUEST = "request.json"


@pytest.fixture
def folder(finished, scratch):
    """A run's records in a folder of their own; its weights are not copied."""
    for name in (*RECORDS, REQUEST):
        shutil.copy(finished.run.folder / name, scratch)
    return scratch


def edit(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_training_leaves_what_the_layout_promises(finished):
    run = Run(finished.run.folder)
    assert run.record.labels == ("covid", "non_covid")
    assert run.record.positive == "covid"
    assert run.record.config == finished.config
    assert run.record.data.counts == {s: dict.fromkeys(run.record.labels, n) for s, n in (("train", 12), ("val", 4))}
    assert run.record.arithmetic == "32-true"
    assert run.ensemble.fitted_on == "val"
    (voter,) = run.ensemble.members
    assert (voter.id, voter.weight, voter.cost_of_dropping) == ("resnet18", 1.0, None)
    kept = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    promised = {"splits.csv", "metrics.json", "predictions.csv", "plots/training.png", *RECORDS}
    assert kept >= promised | {f"members/resnet18/{name}" for name in ("model.safetensors", "history.csv")}
    assert not [name for name in kept if name.endswith((".ckpt", ".partial", ".pkl", ".pt"))]


def test_records_name_no_place_on_a_disk(finished):
    place = str(finished.data.parent)
    for name in (*RECORDS, "metrics.json", "predictions.csv", "splits.csv", "request.json"):
        assert place not in (finished.run.folder / name).read_text(), name


def test_member_is_the_network_that_made_the_predictions(finished):
    run = Run(finished.run.folder)
    member = run.member("resnet18")
    assert not member.training
    samples = [sample for sample in read_folders([finished.data]).samples if sample.split != "train"]
    pixels = decode(samples, finished.config.preprocess).pixels
    with (run.folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [sample.name for sample in samples]
    recorded = np.array([[float(row["logit_covid"]), float(row["logit_non_covid"])] for row in rows])
    assert np.allclose(infer(member, pixels), recorded, atol=1e-4)


@pytest.mark.parametrize("name", RECORDS)
def test_missing_record_is_refused(folder, name):
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing") as caught:
        Run(folder)
    assert "--resume" in caught.value.hint


def test_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(BundleError, match="there is no run at"):
        Run(tmp_path / "nowhere")
    with pytest.raises(BundleError, match="is not a run"):
        Run(tmp_path)


def test_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "run.zip").write_bytes(b"PK")
    with pytest.raises(BundleError):
        Run(tmp_path / "run.zip")


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("content", ["", "{", "[]", "\xff", '{"labels": 3}'])
def test_damaged_record_is_refused(folder, name, content):
    (folder / name).write_text(content, encoding="latin-1")
    with pytest.raises(BundleError, match=f"{name} does not fit its schema"):
        Run(folder)


@pytest.mark.parametrize(
    "config",
    [
        {"preprocess": {"size": 3}},
        pytest.param({"members": ["vgg16"]}),
        pytest.param({"orthogonal_spheres": {"weight": -1}}),
    ],
    ids=str,
)
def test_record_with_impossible_settings_is_refused(folder, config):
    edit(folder / "run.json", config=config)
    with pytest.raises(BundleError):
        Run(folder)


@pytest.mark.parametrize(
    "news",
    [
        pytest.param({}, id="same fields"),
        pytest.param(
            {"a_field_of_the_future": 1},
            id="new fields",
        ),
    ],
)
def test_run_of_another_version_is_refused(folder, news):
    edit(folder / "run.json", schema_version=3, **news)
    with pytest.raises(BundleError, match="schema 3"):
        Run(folder)


def test_unknown_member_is_refused(folder):
    with pytest.raises(BundleError, match="no member 'resnet50'"):
        Run(folder).member("resnet50")


def flipped(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("damage", [None, flipped], ids=["missing", "one bit"])
def test_weights_other_than_the_recorded_are_refused(finished, folder, damage):
    path = folder / "members" / "resnet18" / "model.safetensors"
    if damage:
        path.parent.mkdir(parents=True)
        path.write_bytes(damage((finished.run.folder / "members/resnet18/model.safetensors").read_bytes()))
    with pytest.raises(BundleError, match=r"model\.safetensors is missing or not the file"):
        Run(folder).member("resnet18")


def test_weights_of_another_network_are_refused_whatever_the_record_says(folder):
    from edge_run._files import sha256_file

    path = folder / "members" / "resnet18" / "model.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a network")
    members = json.loads((folder / "run.json").read_text())["members"]
    edit(folder / "run.json", members=[members[0] | {"sha256": sha256_file(path)}])
    with pytest.raises(BundleError, match="does not hold a resnet18"):
        Run(folder).member("resnet18")


def test_unknown_positive_label_is_refused_before_training(finished, scratch):
    with pytest.raises(UsageError, match="'flu' is not a label"):
        train([finished.data], scratch, finished.config, positive="flu", hardware=CPU, accept_weak_vote=True)
    assert not list(scratch.iterdir())


def trunk(member):
    return {
        name: v.clone()
        for name, v in member.net.state_dict().items()
        if not name.startswith("fc.") and "num_" not in name
    }


def test_source_stage_hands_its_best_trunk_to_a_fresh_head(finished, scratch, tiny_config, monkeypatch):
    from edge_train.fit.fit import fit

    stages = []

    def watched(member, train_set, *rest, **options):
        before, classes = trunk(member), member.head.out_features
        history = fit(member, train_set, *rest, **options)
        stages.append((classes, len(train_set.targets), options["epochs"], before, trunk(member)))
        return history

    monkeypatch.setattr("edge_train.fit.train_member.fit", watched)
    source = write_dataset(
        scratch / "source", labels=("covid", "normal", "virus"), per_split={"train": 4, "val": 2}, size=48
    )
    config = tiny_config(epochs=1)
    run = train([finished.data], scratch / "run", config, source=[source], hardware=CPU, accept_weak_vote=True)
    first, second = stages
    assert (first[:3], second[:3]) == ((3, 12, 1), (2, 24, 1))
    assert all(torch.equal(second[3][name], value) for name, value in first[4].items())
    assert not torch.equal(first[3]["conv1.weight"], first[4]["conv1.weight"])
    assert run.record.labels == ("covid", "non_covid")
    assert run.record.source.counts["train"] == {"covid": 4, "normal": 4, "virus": 4}
    assert run.member("resnet18").head.out_features == 2
    assert run.record.members[0].initial_sha256 != finished.run.record.members[0].initial_sha256
    assert not (run.folder / "members" / "resnet18" / "source").exists()


def test_name_that_is_no_run_proposes_no_training(finished, tmp_path):
    with pytest.raises(BundleError, match="there is no run at") as caught:
        Run(tmp_path / "mistyped")
    assert "--resume" not in caught.value.hint
    with pytest.raises(BundleError, match="is not a run") as caught:
        Run(tmp_path)
    assert "--resume" not in caught.value.hint
    shutil.copy(finished.run.folder / "request.json", tmp_path)
    with pytest.raises(BundleError, match="is not a finished run") as caught:
        Run(tmp_path)
    assert "--resume" in caught.value.hint


def test_request_keeps_what_the_vote_was_asked_for(finished):
    request = json.loads((finished.run.folder / "request.json").read_bytes())
    assert request["operating_point"]
    assert request["positive"] == Run(finished.run.folder).record.positive
