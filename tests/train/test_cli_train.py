"""``edge-run train``: where its settings come from. No network is trained."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest

import edge_train
from edge_export.gate.precisions import RECIPES
from edge_export.graphs.ranges import METHODS
from edge_run.cli import _choices, _train_settings
from edge_run.cli.train import DEFAULT_MEMBERS, train
from edge_train import config as configs
from edge_train.networks.member import ARCHITECTURES
from toy import edge_run


@pytest.fixture
def called(capsys, monkeypatch, tmp_path):
    """Run the command, and return what it would have trained with."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        calls = []
        monkeypatch.setattr(
            edge_train,
            "train",
            lambda folders, out, config, **rest: calls.append((folders, out, config, rest)),
            raising=False,
        )
        monkeypatch.setattr(edge_train, "use_threads", calls.append, raising=False)
        answered = edge_run(capsys, "train", *arguments)
        assert answered.code == code, answered.err
        return calls if code == 0 else answered.err

    return run


def test_defaults_are_those_of_the_configuration(called):
    threads, (folders, out, config, rest) = called("data", "--out", "run")
    assert config == edge_train.TrainConfig()
    assert (threads, folders, out) == (None, [Path("data")], Path("run"))
    assert (rest["positive"], rest["operating_point"], rest["resume"], rest["source"]) == (None, "0.5", False, [])
    assert rest["hardware"] == {"accelerator": "auto", "devices": "auto", "num_nodes": 1, "strategy": "auto"}


def test_help_shows_the_defaults_of_the_configuration():
    shown = {
        name: parameter.annotation.__metadata__[0].show_default
        for name, parameter in inspect.signature(train, eval_str=True).parameters.items()
        if name in _train_settings.PLACES
    }
    config = msgspec.to_builtins(edge_train.TrainConfig())
    assert shown.pop("members") == DEFAULT_MEMBERS == ",".join(member["id"] for member in config["members"])
    switches = {"os_normalize": "os-normalize", "os_squared": "no-os-squared"}
    for name, text in shown.items():
        value = config
        for part in _train_settings.PLACES[name].split("."):
            value = value[part]
        assert text == switches.get(name, str(value)), name


def test_options_change_single_settings(called):
    _, (_, _, config, rest) = called(
        "a", "b", "--out", "run", "--members", "resnet18,resnet18:seed=1", "--epochs", 3, "--epochs", "resnet18-2=4",
        "--no-augment", "--os-lambda", 0, "--size", 64, "--balance", "none", "--arithmetic", "32-true", "--source", "c",
        "--positive", "covid", "--operating-point", "youden", "--accelerator", "cpu",
    )  # fmt: skip
    assert [(m.id, m.seed) for m in config.members] == [("resnet18", 0), ("resnet18-2", 1)]
    assert (config.epochs, config.member_epochs) == (3, {"resnet18-2": 4})
    assert config.augmentation == edge_train.NO_AUGMENTATION
    assert (config.orthogonal_spheres.weight, config.preprocess.size) == (0, 64)
    assert (config.balance, config.precision) == ("none", "32-true")
    assert (rest["source"], rest["positive"], rest["operating_point"]) == ([Path("c")], "covid", "youden")
    assert rest["hardware"]["accelerator"] == "cpu"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reading TOML takes the package tomli there")
def test_toml_has_all_that_a_training_needs_and_options_come_first(called, tmp_path):
    (tmp_path / "run.toml").write_text("""
data = ["a", "b"]
out = "run"
members = ["resnet18", "resnet18:seed=1"]
epochs = 10
batch-size = 8
os-lambda = 0.5
arithmetic = "32-true"
operating_point = "youden"
threads = 2
[augmentation]
crop = 0.9
""")
    threads, (folders, out, config, rest) = called("--config", "run.toml", "--epochs", 4, "--threads", 1)
    assert (threads, folders, out) == (1, [Path("a"), Path("b")], Path("run"))
    assert (config.epochs, config.batch_size, config.precision) == (4, 8, "32-true")
    assert (config.augmentation.crop, config.orthogonal_spheres.weight) == (0.9, 0.5)
    assert [member.id for member in config.members] == ["resnet18", "resnet18-2"]
    assert rest["operating_point"] == "youden"


def request(folder, **changes):
    """Write the ``request.json`` of a training."""
    folder.mkdir(exist_ok=True)
    config = msgspec.to_builtins(edge_train.TrainConfig()) | {"epochs": 7, "batch_size": 4} | changes
    record = {"config": config, "data": "0" * 64, "source": "", "arithmetic": "32-true", "threads": 3}
    (folder / "request.json").write_text(json.dumps(record))
    return folder / "request.json"


def test_request_of_a_run_is_a_config(called, tmp_path):
    file = request(tmp_path / "before")
    threads, (_, _, config, _) = called("data", "--out", "run", "--config", file, "--batch-size", 6)
    assert (threads, config.epochs, config.batch_size) == (3, 7, 6)


def test_resume_needs_no_switch(called, tmp_path):
    request(tmp_path / "run")
    threads, (_, _, config, rest) = called("data", "--out", "run", "--resume")
    assert (threads, config.epochs, config.batch_size, rest["resume"]) == (3, 7, 4, True)


def test_resume_keeps_a_switch_that_differs_for_the_training_to_refuse(called, tmp_path):
    request(tmp_path / "run")
    _, (_, _, config, _) = called("data", "--out", "run", "--resume", "--epochs", 8)
    assert config.epochs == 8


def test_resume_asks_for_weights_whose_place_no_run_keeps(called, tmp_path):
    request(tmp_path / "run", init="weights")
    assert "--init DIR" in called("data", "--out", "run", "--resume", code=2)
    _, (_, _, config, _) = called("data", "--out", "run", "--resume", "--init", "elsewhere/weights")
    assert config.init == "elsewhere/weights"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epochs = [", "is neither TOML nor JSON"),
        ("epochs = 'many'", "Expected `int`"),
        ("epoch = 3", "unknown field `epoch`"),
        ("epochs = 0", "epochs 0 are fewer than 1"),
    ],
)
@pytest.mark.skipif(sys.version_info < (3, 11), reason="reading TOML takes the package tomli there")
def test_wrong_settings_are_named(called, tmp_path, text, words):
    (tmp_path / "run.toml").write_text(text)
    assert words in called("data", "--out", "run", "--config", "run.toml", code=2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["data"], "no folder for the run is given"),
        (["--out", "run"], "no labelled scans are given"),
        (["data", "--out", "run", "--config", "none.toml"], "none.toml cannot be read"),
        (["data", "--out", "run", "--epochs", "resnet18"], "is not N or MEMBER=N"),
        (["data", "--out", "run", "--crop", "2"], "a setting is out of range"),
    ],
)
def test_what_is_missing_or_wrong_is_named(called, arguments, words):
    assert words in called(*arguments, code=2)


def test_choices_are_those_of_the_packages():
    assert tuple(each.value for each in _choices.Balance) == get_args(configs.Balance)
    assert tuple(each.value for each in _choices.Arithmetic) == get_args(configs.Precision)
    assert {each.value for each in _choices.Calibration} == {*METHODS, "best"}
    assert set(_choices.NETWORKS) == set(ARCHITECTURES)
    assert set(_choices.EXPORTED_PRECISIONS) == set(RECIPES)
