"""A training that was killed and resumed is the training that was not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time

import msgspec
import pytest
import torch

from edge_run.errors import UsageError
from edge_train import OrthogonalSpheres, train
from edge_train.data.augment import augment
from edge_train.fit.checkpoint import SafeCheckpointIO
from edge_train.fit.fit import CHECKPOINT
from samples.dataset import write_dataset

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = {"hardware": {"accelerator": "cpu", "devices": 1}, "accept_weak_vote": True}

TRAINING = """
import sys, time
from pathlib import Path
import msgspec, torch
from edge_train import TrainConfig, train
from edge_train.data import batches

torch.set_num_threads(1)
data, out, marker = (Path(word) for word in sys.argv[1:4])
real, seen = batches.augment, 0

def augment(*arguments, epoch, **options):
    # The second batch of the second epoch: one step has been taken since the last checkpoint.
    global seen
    seen += epoch == 1
    if seen == 6:
        marker.touch()
        time.sleep(600)
    return real(*arguments, epoch=epoch, **options)

batches.augment = augment
config = msgspec.json.decode(sys.argv[4], type=TrainConfig)
train([data], out, config, hardware={"accelerator": "cpu", "devices": 1})
"""


class InterruptedTrainingError(Exception):
    """What stands in for a kill inside one process."""


def interrupt(monkeypatch, at):
    """Raise at the ``at``-th scan of training."""
    seen = []

    def interrupting(*arguments, **options):
        seen.append(1)
        if len(seen) == at:
            raise InterruptedTrainingError
        return augment(*arguments, **options)

    monkeypatch.setattr("edge_train.data.batches.augment", interrupting)


def assert_same_run(run, expected):
    for name in (
        "members/resnet18/history.csv",
        "members/resnet18/model.safetensors",
        "ensemble.json",
        "predictions.csv",
    ):
        assert (run.folder / name).read_bytes() == (expected.folder / name).read_bytes(), name
    assert run.record.members == expected.record.members


def test_training_killed_within_an_epoch_and_resumed_equals_an_unbroken_one(finished, scratch):
    out, marker, log = scratch / "run", scratch / "marker", scratch / "log"
    words = [finished.data, out, marker, msgspec.json.encode(finished.config).decode()]
    with log.open("wb") as talk:
        process = subprocess.Popen([sys.executable, "-c", TRAINING, *map(str, words)], stdout=talk, stderr=talk)
        try:
            while not marker.exists():
                assert process.poll() is None, log.read_text()
                time.sleep(0.05)
        finally:
            process.kill()
            process.wait()
    member = out / "members" / "resnet18"
    assert SafeCheckpointIO().load_checkpoint(member / CHECKPOINT)["epoch"] == 0
    assert not (member / "member.json").exists()
    run = train([finished.data], out, finished.config, resume=True, **OPTIONS)
    assert_same_run(run, finished.run)
    assert not (member / CHECKPOINT).exists()


@pytest.mark.parametrize(
    "arch",
    [
        "resnet18",
        pytest.param(
            "googlenet",
        ),
    ],
)
def test_weights_after_the_last_epoch_are_those_of_an_unbroken_training(
    arch, scratch, tiny_config, tiny_fit, monkeypatch
):
    # Not only the best epoch's: these hold every step, and GoogLeNet's the draws of its dropout.
    config = tiny_config(members=(arch,))
    _, unbroken_history = tiny_fit(config, scratch / "unbroken")
    interrupt(monkeypatch, at=8 + 5)
    with pytest.raises(InterruptedTrainingError):
        tiny_fit(config, scratch / "broken")
    monkeypatch.undo()
    _, history = tiny_fit(config, scratch / "broken", resume=True)
    unbroken, resumed = (
        SafeCheckpointIO().load_checkpoint(scratch / name / CHECKPOINT) for name in ("unbroken", "broken")
    )
    assert resumed["epoch"] == unbroken["epoch"] == 1
    different = [n for n, v in unbroken["state_dict"].items() if not torch.equal(v, resumed["state_dict"][n])]
    assert different == []
    assert history == unbroken_history


def test_resume_between_source_and_target_stage_equals_an_unbroken_training(scratch, tiny_config, monkeypatch):
    source = write_dataset(scratch / "source", per_split={"train": 4, "val": 2}, size=48)
    target = write_dataset(
        scratch / "target", labels=("negative", "positive"), per_split={"train": 4, "val": 2}, size=48
    )
    config = tiny_config(epochs=1)
    unbroken = train([target], scratch / "unbroken", config, source=[source], **OPTIONS)
    interrupt(monkeypatch, at=8 + 5)
    with pytest.raises(InterruptedTrainingError):
        train([target], scratch / "broken", config, source=[source], **OPTIONS)
    monkeypatch.undo()
    resumed = train([target], scratch / "broken", config, source=[source], resume=True, **OPTIONS)
    assert_same_run(resumed, unbroken)


def test_finished_training_is_not_trained_again(finished, scratch, monkeypatch):
    out = shutil.copytree(finished.run.folder, scratch / "run")
    interrupt(monkeypatch, at=1)
    talk = []
    run = train([finished.data], out, finished.config, resume=True, **OPTIONS, say=talk.append)
    assert "resnet18: trained already" in talk
    assert_same_run(run, finished.run)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"epochs": 4}, "config.epochs was 3, now 4"),
        ({"seed": 7}, "config.seed was 0, now 7"),
        (
            {"orthogonal_spheres": OrthogonalSpheres(weight=0.5)},
            r"config\.orthogonal_spheres\.weight was 0\.03, now 0\.5",
        ),
        pytest.param(
            {"member_epochs": {"resnet18": 1}},
            "resnet18.epochs was 3, now 1",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_other_settings_are_refused_by_name(finished, scratch, tiny_config, change, named):
    shutil.copy(finished.run.folder / "request.json", scratch)
    config = tiny_config(**{"epochs": 3} | change)
    with pytest.raises(UsageError, match=named):
        train([finished.data], scratch, config, resume=True, **OPTIONS)


def test_other_scans_are_refused_by_name(finished, scratch, tiny_config):
    out = scratch / "run"
    out.mkdir()
    shutil.copy(finished.run.folder / "request.json", out)
    other = write_dataset(scratch / "other", per_split={"train": 2, "val": 2}, size=48)
    with pytest.raises(UsageError, match="data was"):
        train([other], out, tiny_config(epochs=3), resume=True, **OPTIONS)
    with pytest.raises(UsageError, match="source was"):
        train(
            [finished.data],
            out,
            tiny_config(epochs=3),
            source=[other],
            resume=True,
            **OPTIONS,
        )


def test_folder_that_is_taken_is_refused_and_left_alone(finished, scratch):
    (scratch / "thesis.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty") as caught:
        train([finished.data], scratch, finished.config, **OPTIONS)
    assert "--resume" in caught.value.hint
    assert [file.name for file in scratch.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("exists", [True, False])
def test_nothing_to_resume_is_refused(finished, scratch, exists):
    out = scratch if exists else scratch / "nowhere"
    with pytest.raises(UsageError, match="no training to resume"):
        train([finished.data], out, finished.config, resume=True, **OPTIONS)
    assert not list(scratch.iterdir())
