"""Which run folders a training may use."""

from __future__ import annotations

import multiprocessing
import os

import pytest

from edge_run.errors import BackendError, UsageError
from edge_train import Run, train
from edge_train.config import MemberSpec, TrainConfig, default_members, parse_members, spell_members
from edge_train.request import Request, claimed_folder
from samples.dataset import write_dataset

CPU = {"accelerator": "cpu", "devices": 1}


def request(**changes) -> Request:
    settings = {"members": default_members("resnet18")} | changes
    return Request(TrainConfig(**settings), "data", "", "32-true", 1)


def claim(out, *, resume=False, **changes) -> None:
    with claimed_folder(out, request(**changes), resume=resume):
        pass


def test_training_in_which_no_epoch_ended_does_not_lock_its_folder(tmp_path):
    claim(tmp_path / "run")
    (tmp_path / "run" / "splits.csv").touch()
    (tmp_path / "run" / "members" / "resnet18").mkdir(parents=True)
    claim(tmp_path / "run", learning_rate=0.5)
    (tmp_path / "run" / "members" / "resnet18" / "checkpoint.ckpt").touch()
    with pytest.raises(UsageError, match="is not empty"):
        claim(tmp_path / "run")


def test_refused_download_does_not_lock_the_folder(finished, scratch, tiny_config, monkeypatch):
    def refuse(*_: object) -> None:
        raise BackendError("refused")

    monkeypatch.setattr("edge_train.networks.initial._download", refuse)
    for _ in range(2):
        with pytest.raises(BackendError, match="refused"):
            train([finished.data], scratch / "run", tiny_config(init="imagenet"), hardware=CPU, accept_weak_vote=True)


def test_folder_in_which_a_training_works_is_refused(tmp_path):
    with (
        claimed_folder(tmp_path, request(), resume=False),
        pytest.raises(UsageError, match="another training works"),
        claimed_folder(tmp_path, request(), resume=False),
    ):
        pass
    claim(tmp_path)


def test_lock_ends_with_the_process_that_holds_it(tmp_path):
    def hold() -> None:
        claimed_folder(tmp_path, request(), resume=False).__enter__()
        os._exit(9)

    process = multiprocessing.get_context("fork").Process(target=hold)
    process.start()
    process.join()
    assert process.exitcode == 9
    claim(tmp_path)


def test_members_may_be_added_and_left_out_but_not_changed(tmp_path):
    claim(tmp_path, members=parse_members("resnet18,googlenet"))
    claim(tmp_path, members=parse_members("googlenet,resnet50"), resume=True)
    with pytest.raises(UsageError, match=r"googlenet\.seed was 0, now 1"):
        claim(tmp_path, members=(MemberSpec("googlenet", "googlenet", 1),), resume=True)
    with pytest.raises(UsageError, match=r"googlenet\.epochs was 12, now 3"):
        claim(tmp_path, members=parse_members("googlenet"), member_epochs={"googlenet": 3}, resume=True)


def test_members_are_spelled_as_they_are_read():
    text = "resnet18,resnet18:seed=1:id=left,resnet50"
    assert spell_members(parse_members(text)) == text


def test_other_members_stay_usable_where_one_diverges(scratch, tiny_config, monkeypatch):
    from edge_train.fit.fit import DivergedError
    from edge_train.fit.train_member import train_member

    def diverge(spec, *rest, **options):
        if spec.id == "googlenet":
            raise DivergedError("val_nll is not finite")
        return train_member(spec, *rest, **options)

    monkeypatch.setattr("edge_train.training.train_member", diverge)
    data, talk = write_dataset(scratch / "scans", per_split={"train": 4, "val": 2}, size=48), []
    config = tiny_config(members=("googlenet", "resnet18"), epochs=1)
    with pytest.raises(DivergedError, match="googlenet: val_nll") as caught:
        train([data], scratch / "run", config, hardware=CPU, accept_weak_vote=True, say=talk.append)
    assert "--resume --members resnet18" in caught.value.hint
    assert "googlenet: val_nll is not finite" in talk
    rest = tiny_config(members=("resnet18",), epochs=1)
    train([data], scratch / "run", rest, resume=True, hardware=CPU, accept_weak_vote=True, say=talk.append)
    assert "resnet18: trained already" in talk
    assert [member.id for member in Run(scratch / "run").record.members] == ["resnet18"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *[("learning_rate", value) for value in (float("nan"), float("inf"), 0.0, -1.0)],
        *[("weight_decay", value) for value in (float("nan"), float("inf"), -1.0)],
        *[("seed", value) for value in (-1, 2**32)],
        ("epochs", 0),
        ("source_epochs", 0),
        ("average_epochs", -1),
        ("early_size", -1),
        ("batch_size", 1),
    ],
)
def test_number_that_means_nothing_is_refused_by_name(option, value):
    with pytest.raises(UsageError, match=option.replace("_", " ").replace("average", "averaged")):
        TrainConfig(**{option: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("option", ["weight", "warmup"])
def test_spheres_that_mean_nothing_are_refused(option, value):
    from edge_train import OrthogonalSpheres

    with pytest.raises(UsageError, match="numbers from 0 up"):
        OrthogonalSpheres(**{option: value})


@pytest.mark.parametrize(
    ("option", "value"), [("noise", float("nan")), ("rotate", -1), ("gamma", float("inf")), ("flip", 2)]
)
def test_augmentation_that_means_nothing_is_refused(option, value):
    from edge_train.data.augment import Augmentation

    with pytest.raises(UsageError, match=option):
        Augmentation(**{option: value})
