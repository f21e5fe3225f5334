"""Figures are those of the split's scans, the control sees borders only, a bundle needs no torch."""

from __future__ import annotations

import csv
import subprocess
import sys

import msgspec
import numpy as np
import pytest

import edge_train
from edge_run.ensemble.ensemble import Ensemble
from edge_run.errors import BackendError, BundleError, DataError, UsageError
from edge_run.metrics.bootstrap import with_intervals
from edge_run.scan.preprocessing import PreprocessSpec
from edge_run.voting.vote import decide, softmax, vote
from edge_train.data.dataset import decode, read_folders
from edge_train.evaluate.evaluate import Evaluation, blank_centre, default_out, evaluate, opened, table, to_json
from samples.dataset import write_dataset
from toy import edge_run, write_toy_bundle

SIZE = 64
LABELS = ("covid", "non_covid")


class Reader:
    """Two members: the first's probability of covid rises with the mean grey of what it looks at."""

    name, labels, positive, threshold = "reader", LABELS, "covid", 0.6
    spec = PreprocessSpec(size=SIZE)
    member_names, weights = ("bright", "even"), (0.75, 0.25)
    trained_on, seed = "another", 0
    answered_by = {"backend": "numpy", "precision": "fp64"}  # noqa: RUF012

    def __init__(self, looks_at=slice(None)):
        self.looks_at = looks_at

    def probabilities(self, pixels):
        assert pixels.dtype == np.uint8
        assert pixels.shape[1:] == (1, SIZE, SIZE)
        seen = pixels[:, 0, self.looks_at, self.looks_at].mean(axis=(1, 2))
        bright = softmax(np.stack([seen, np.full(len(seen), 60.0)], axis=1), 10.0)
        return np.stack([bright, np.full((len(seen), 2), 0.5)])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("data") / "phantoms", LABELS, 6, size=SIZE)


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "evaluation"
    return evaluate(Reader(), [data], out=out, resamples=50), out


def rows(out):
    with (out / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_figures_are_those_of_the_split_its_groups_and_the_operating_point(evaluated, data):
    found, _ = evaluated
    part = read_folders([data], labels=LABELS).of("test")
    members = Reader().probabilities(decode(part.samples, Reader.spec).pixels[:, None])
    expected = {
        "bright": members[0],
        "even": members[1],
        "ensemble": vote(members, Reader.weights),
    }
    got = {**found.members, "ensemble": found.ensemble}
    assert list(found.members) == ["bright", "even"]
    for name, p in expected.items():
        figures = with_intervals(p, part.targets, part.groups, positive=0, threshold=0.6, resamples=50)
        assert got[name].figures == figures, name
        decided = decide(p, positive=0, threshold=0.6)
        counts = [[int(((part.targets == t) & (decided == d)).sum()) for d in (0, 1)] for t in (0, 1)]
        assert [list(row) for row in got[name].confusion] == counts, name
    assert found.members["even"].figures["sensitivity"].value == 0, "0.5 is below the threshold of 0.6"


def test_the_evaluation_says_what_was_evaluated(evaluated, data):
    found, _ = evaluated
    assert (found.data.split, found.data.scans, found.data.groups) == ("test", 12, 6)
    assert found.data.counts == {"covid": 6, "non_covid": 6}
    assert found.data.folders == ("phantoms",)
    assert found.data.fingerprint == read_folders([data]).fingerprint
    assert found.weights == {"bright": 0.75, "even": 0.25}
    assert (found.labels, found.positive, found.threshold) == (LABELS, "covid", 0.6)


def test_blanking_leaves_the_border_and_the_original():
    pixels = np.random.default_rng(0).integers(1, 256, (2, 1, 100, 100)).astype(np.uint8)
    before = pixels.copy()
    blanked = blank_centre(pixels)
    assert (blanked[:, :, 20:80, 20:80] == 0).all()
    border = np.ones((100, 100), bool)
    border[20:80, 20:80] = False
    assert (blanked[:, :, border] == before[:, :, border]).all()
    assert (pixels == before).all()
    assert (blank_centre(pixels, blanked=0.5, fill=9)[:, :, 25:75, 25:75] == 9).all()


def test_the_control_is_chance_for_who_looks_at_the_centre_only(data):
    centre = evaluate(Reader(slice(20, 44)), [data], resamples=20)
    assert centre.border_only.figures["auroc"].value == 0.5
    assert centre.ensemble.figures["auroc"].value != 0.5


def test_the_control_unmasks_who_looks_at_the_border_only(data):
    border = evaluate(Reader(slice(0, 12)), [data], resamples=20)
    assert border.border_only.figures == border.ensemble.figures
    assert border.border_only.confusion == border.ensemble.confusion
    assert (border.border_only.blanked, border.border_only.fill) == (0.6, 0)


def test_json_reads_back_as_the_same_evaluation(evaluated):
    found, out = evaluated
    assert msgspec.json.decode((out / "evaluation.json").read_bytes(), type=Evaluation) == found
    assert (out / "evaluation.json").read_bytes() == to_json(found)


def test_every_file_is_written(evaluated):
    _, out = evaluated
    assert {path.name for path in out.iterdir()} == {
        "confusion.png", "evaluation.json", "predictions.csv", "reliability.png",
        "risk_coverage.png", "roc.png",
    }  # fmt: skip


def test_predictions_have_each_scan_by_each_classifier(evaluated):
    found, out = evaluated
    written = rows(out)
    assert list(written[0]) == ["name", "label", "group", "classifier", "decided", "p_covid", "p_non_covid"]
    by = {name: [row for row in written if row["classifier"] == name] for name in ("bright", "even", "ensemble")}
    assert [len(each) for each in by.values()] == [12, 12, 12]
    for row in by["ensemble"]:
        assert row["name"].startswith("phantoms/")
        assert row["decided"] == ("covid" if float(row["p_covid"]) >= 0.6 else "non_covid")
    right = sum(row["decided"] == row["label"] for row in by["ensemble"])
    assert right / 12 == found.ensemble.figures["accuracy"].value


def test_the_table_shows_every_figure_and_the_control(evaluated):
    found, _ = evaluated
    text = table(found)
    assert max(map(len, text.splitlines())) <= 120
    percent = ("accuracy", "balanced accuracy", "sensitivity", "specificity", "F1", "AUROC")
    for name in (*percent, "ECE", "MCE", "Brier", "NLL"):
        assert sum(line.startswith(f"{name}  ") for line in text.splitlines()) == 1, name
    area = found.ensemble.figures["auroc"]
    line = next(line for line in text.splitlines() if line.startswith("AUROC"))
    assert line.endswith(f"{area.value:.3f} [{area.low:.2f} {area.high:.2f}]")
    control = found.border_only.figures["auroc"].value
    assert f"AUROC {control:.3f}" in text
    assert "an AUROC near 0.5 is right" in text


def test_notes_say_when_figures_are_too_good(data):
    same, another = Reader(), Reader()
    same.trained_on = read_folders([data]).fingerprint
    notes = {
        (name, split): " ".join(evaluate(subject, [data], split, resamples=2).notes)
        for name, subject in (("same", same), ("another", another))
        for split in ("test", "val")
    }
    assert "too good" not in notes["same", "test"]
    assert "split val took part in the training" in notes["same", "val"]
    assert "not the folders and splits of the training" in notes["another", "test"]
    assert "6 groups" in notes["same", "test"]


def test_what_cannot_be_evaluated_is_refused(data, tmp_path):
    with pytest.raises(UsageError, match="split 'tests'"):
        evaluate(Reader(), [data], "tests")
    without = write_dataset(tmp_path / "without", LABELS, {"train": 2, "val": 2}, size=SIZE)
    with pytest.raises(DataError, match="no scan is in the split test"):
        evaluate(Reader(), [without])
    other = write_dataset(tmp_path / "other", ("covid", "flu"), 2, size=SIZE)
    with pytest.raises(DataError, match="unknown labels flu"):
        evaluate(Reader(), [other])
    (tmp_path / "taken").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        evaluate(Reader(), [data], out=tmp_path / "taken")


def write_run(folder):
    """Write a finished run of one small, untrained network."""
    import torch
    from safetensors.torch import save_file

    from edge_run._files import sha256_file
    from edge_train.networks.member import Member
    from edge_train.run import DataRecord, EnsembleRecord, MemberRecord, RunRecord, Voter, write

    torch.manual_seed(0)
    member = Member("resnet18", 2).eval()
    weights = folder / "members" / "resnet18" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    save_file(member.net.state_dict(), weights)
    record = MemberRecord("resnet18", "resnet18", *member.normalisation, sha256_file(weights), "0" * 64, 1)
    config = edge_train.TrainConfig(
        members=edge_train.default_members("resnet18"), preprocess=PreprocessSpec(size=SIZE), seed=5
    )
    trained_on = DataRecord(("phantoms",), "f" * 64, "splits.csv", {})
    run = RunRecord(2, "", "", LABELS, "covid", config, trained_on, None, (record,), {}, "32-true", 1)
    write(folder / "run.json", run)
    voters = (Voter("resnet18", 1.0, 2.5),)
    write(folder / "ensemble.json", EnsembleRecord("val", 0.1, "0.5", 0.45, voters))
    return member


@pytest.mark.usefixtures("one_thread")
def test_a_run_is_answered_by_its_calibrated_pytorch_members(tmp_path):
    import torch

    member = write_run(tmp_path / "my-run")
    pixels = np.random.default_rng(0).integers(0, 256, (3, 1, SIZE, SIZE)).astype(np.uint8)
    with torch.inference_mode():
        logits = member(torch.from_numpy(pixels))[0].numpy()
    with opened(tmp_path / "my-run", threads=1) as run:
        assert run.probabilities(pixels) == pytest.approx(softmax(logits, 2.5)[None], abs=1e-6)
        assert (run.name, run.positive, run.threshold, run.seed) == ("my-run", "covid", 0.45, 5)
        assert (run.labels, run.weights, run.trained_on) == (LABELS, (1.0,), "f" * 64)
        assert default_out(run, "val") == tmp_path / "my-run" / "evaluation" / "val"


def test_a_run_has_one_precision(tmp_path):
    (tmp_path / "run.json").touch()
    for wrong in ({"precision": "int8-cpu"}, {"backend": "cpu"}):
        with pytest.raises(UsageError) as caught, opened(tmp_path, **wrong):
            pass
        assert "--precision" in caught.value.hint


@pytest.mark.usefixtures("one_thread")
def test_a_training_that_has_not_ended_says_how_to_go_on(tmp_path):
    (tmp_path / "request.json").touch()
    with pytest.raises(BundleError) as caught, opened(tmp_path, threads=1):
        pass
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize("given", ["empty", "no-such-thing"])
def test_neither_run_nor_bundle_is_refused(tmp_path, given):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="neither a run nor a bundle") as caught, opened(tmp_path / given):
        pass
    assert caught.value.hint


def test_a_bundle_is_answered_without_torch(data, tmp_path):
    bundle, out = write_toy_bundle(tmp_path / "toy", size=SIZE, members=2), tmp_path / "out"
    code = (
        "import sys; from edge_run.cli._app import app\n"
        "app(['evaluate', *sys.argv[1:]], standalone_mode=False)\n"
        "print('loaded:', {'torch', 'lightning'} & {*sys.modules})"
    )
    arguments = [str(bundle), str(data), "--out", str(out), "--precision", "int8-cpu"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("loaded: set()\n")
    assert "toy (cpu, int8-cpu) on test: 12 scans (6 covid, 6 non_covid) of 6 groups" in done.stdout
    assert "\r" not in done.stderr, "progress is for a terminal"
    assert "note: " in done.stderr
    assert "note: " not in done.stdout
    scans = decode(read_folders([data]).of("test").samples, PreprocessSpec(size=SIZE)).pixels[:, None]
    with Ensemble.load(bundle, precision="int8-cpu", threads=1) as ensemble:
        members = ensemble.probabilities(scans)
        weights = [member.weight for member in ensemble.manifest.members]
    got = [float(row["p_covid"]) for row in rows(out) if row["classifier"] == "ensemble"]
    assert got == pytest.approx(vote(members, weights)[:, 0], abs=1e-6)


def test_json_alone_is_on_stdout(data, tmp_path, capsys):
    bundle, out = write_toy_bundle(tmp_path / "toy", size=SIZE, members=2), tmp_path / "out"
    done = edge_run(capsys, "evaluate", bundle, data, "--split", "val", "--out", out, "--json")
    assert done.code == 0, done.err
    assert done.out.encode() == (out / "evaluation.json").read_bytes()
    found = msgspec.json.decode(done.out, type=Evaluation)
    assert (found.name, found.data.split, list(found.members)) == ("toy", "val", ["resnet18", "googlenet"])


def test_the_name_of_a_bundle_does_not_lead_out_of_the_folder(tmp_path):
    bundle = write_toy_bundle(tmp_path / "toy", members=1, mutate=lambda m: m.update(name="../a b"))
    with opened(bundle, threads=1) as subject:
        assert str(default_out(subject, "test")) == "evaluation-..-a-b-test"


def test_every_public_name_of_the_package_is_there():
    for name in edge_train.__all__:
        assert getattr(edge_train, name) is not None
    assert set(edge_train.__all__) <= set(dir(edge_train))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = edge_train.nothing


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.delitem(edge_train.__dict__, "Run", raising=False)
    monkeypatch.setitem(sys.modules, "edge_train.run", None)
    with pytest.raises(BackendError) as caught:
        _ = edge_train.Run
    assert caught.value.hint == "pip install 'edge-run[train]'"
