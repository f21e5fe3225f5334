from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from edge_run.errors import UsageError
from edge_train import Member, TrainConfig, parse_members
from edge_train.config import MemberSpec
from edge_train.fit.checkpoint import SafeCheckpointIO
from edge_train.fit.fit import CHECKPOINT, HISTORY, MODEL, chosen_precision, class_weights
from edge_train.fit.module import FineTuning, _warm_cosine
from edge_train.networks.infer import infer

pytestmark = pytest.mark.usefixtures("one_thread")


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def last_weights(folder):
    return SafeCheckpointIO().load_checkpoint(folder / CHECKPOINT)["state_dict"]


def test_same_seed_gives_the_same_weights_and_another_seed_others(scratch, tiny_config, tiny_fit):
    _, first = tiny_fit(tiny_config(epochs=1), scratch / "first")
    _, again = tiny_fit(tiny_config(epochs=1), scratch / "again")
    tiny_fit(tiny_config(epochs=1, seed=1), scratch / "other")
    one, two, other = (last_weights(scratch / name) for name in ("first", "again", "other"))
    assert equal(one, two)
    assert first == again
    assert not torch.equal(one["member.net.conv1.weight"], other["member.net.conv1.weight"])


def test_weights_are_the_mean_of_the_last_epochs_whatever_their_validation_loss(
    scratch, tiny_config, tiny_fit, monkeypatch
):
    losses, seen = [0.2, 0.5, 0.9], []

    class Scripted(FineTuning):
        def validation_step(self, *_):
            seen.append({name: value.clone() for name, value in self.member.net.state_dict().items()})
            self.log("val_nll", torch.tensor(losses[self.current_epoch]), batch_size=1)
            self.log("val_accuracy", torch.tensor(0.5), batch_size=1)

    monkeypatch.setattr("edge_train.fit.fit.FineTuning", Scripted)
    member, history = tiny_fit(tiny_config(epochs=3, average_epochs=2), scratch)
    assert [row["val_nll"] for row in history] == pytest.approx(losses)
    assert len(seen) == 3
    stored = load_file(scratch / MODEL)
    for name in ("conv1.weight", "bn1.running_var", "fc.bias"):
        torch.testing.assert_close(stored[name], (seen[1][name] + seen[2][name]) / 2)
    assert equal(member.net.state_dict(), stored)
    assert not torch.equal(seen[1]["conv1.weight"], seen[2]["conv1.weight"])
    assert not member.training
    with (scratch / HISTORY).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["epoch", "train_ce", "train_os", "val_nll", "val_accuracy"]
    assert [{name: float(value) for name, value in row.items()} for row in rows] == history


def test_history_holds_the_figures_of_the_validation_scans(scratch, tiny_config, tiny_fit, toy_scans):
    member, history = tiny_fit(tiny_config(epochs=1), scratch)
    val = toy_scans(4, seed=1)
    logits = torch.from_numpy(infer(member, val.pixels))
    targets = torch.from_numpy(val.targets)
    assert history[0]["val_nll"] == pytest.approx(functional.cross_entropy(logits, targets).item(), rel=1e-4)
    assert history[0]["val_accuracy"] == pytest.approx((logits.argmax(1) == targets).float().mean().item())


def test_class_weights_are_inverse_frequencies_with_mean_1():
    targets = np.array([0, 0, 0, 1, 2, 2])
    weights = class_weights(targets, 3)
    assert weights.tolist() == pytest.approx([2 / 3, 2, 1])
    assert weights[targets].mean().item() == pytest.approx(1)
    with pytest.raises(UsageError, match="no training scan"):
        class_weights(targets, 4)


@pytest.mark.parametrize("balance", ["loss", "none"])
def test_balance_decides_what_a_rare_class_weighs(scratch, tiny_config, toy_scans, monkeypatch, balance):
    from edge_train.fit import fit as fitting

    class SeenError(Exception):
        pass

    def stop(_member, _config, weights, _epochs):
        raise SeenError(weights)

    monkeypatch.setattr(fitting, "FineTuning", stop)
    train = toy_scans(targets=[0, 0, 0, 1])
    with pytest.raises(SeenError) as caught:
        fitting.fit(Member("resnet18", 2), train, train, tiny_config(balance=balance), scratch, epochs=1)
    (weights,) = caught.value.args
    assert weights is None if balance == "none" else weights.tolist() == pytest.approx([2 / 3, 2])


def test_loss_is_weighted_by_class(tiny_config, toy_scans):
    member = Member("resnet18", 2).eval()
    scans = toy_scans(4)
    grey, targets = torch.from_numpy(scans.pixels)[:, None], torch.from_numpy(scans.targets)
    with torch.no_grad():
        _, found, _ = FineTuning(member, tiny_config(), torch.tensor([0.5, 1.5]), 1).loss(grey, targets, 0)
        each = functional.cross_entropy(member(grey)[0], targets, reduction="none")
    assert found.item() == pytest.approx((each * torch.tensor([0.5, 1.5])[targets]).sum().item() / 4, rel=1e-5)


def test_rate_rises_over_one_epoch_and_falls_to_nothing():
    share = _warm_cosine(40, 4)
    rates = [share(step) for step in range(41)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[20] == pytest.approx(0.5)
    assert rates[40] == pytest.approx(0)


def test_normalisation_and_biases_do_not_decay(tiny_config, monkeypatch):
    task = FineTuning(Member("resnet18", 2), tiny_config(weight_decay=0.5), None, 1)
    monkeypatch.setattr(FineTuning, "trainer", type("Trainer", (), {"estimated_stepping_batches": 2}))
    decaying, resting = task.configure_optimizers()["optimizer"].param_groups
    assert (decaying["weight_decay"], resting["weight_decay"]) == (0.5, 0)
    assert {p.ndim for p in decaying["params"]} == {2, 4}
    assert {p.ndim for p in resting["params"]} == {1}
    assert len(decaying["params"]) + len(resting["params"]) == len(list(task.parameters()))


@pytest.mark.parametrize(
    ("epochs", "asked", "averaged"), [(12, 0, 3), (2, 0, 1), (8, 3, 3), (2, 5, 2)], ids=["quarter", "one", "own", "all"]
)
def test_number_of_averaged_epochs(tiny_config, epochs, asked, averaged):
    assert tiny_config(average_epochs=asked).averaged(epochs) == averaged


def test_members_are_read_from_a_list_and_named():
    assert parse_members("resnet18, resnet18:seed=1,resnet50:id=deep") == (
        MemberSpec("resnet18", "resnet18"),
        MemberSpec("resnet18-2", "resnet18", 1),
        MemberSpec("deep", "resnet50"),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("resnet18,resnet18", "the same network and the same seed"),
        ("resnet18:id=a,resnet50:id=a", "do not have different ids"),
        ("resnet18:epochs=3", "is not NETWORK, NETWORK:seed=N"),
        ("resnet18:seed=x", "is not NETWORK, NETWORK:seed=N"),
        ("vgg16", "are not networks"),
    ],
)
def test_members_that_cannot_vote_together_are_refused(text, words):
    with pytest.raises(UsageError, match=words):
        TrainConfig(members=parse_members(text))


def test_early_epochs_see_smaller_scans(scratch, tiny_config, tiny_fit, monkeypatch):
    sides, normalise = [], Member.normalise

    def recorded(self, grey):
        if self.training:
            sides.append(grey.shape[-1])
        return normalise(self, grey)

    monkeypatch.setattr(Member, "normalise", recorded)
    tiny_fit(tiny_config(epochs=3, early_size=24), scratch)
    assert sides == sorted(sides)
    assert sides[0] == 24
    assert sides.count(24) == 2 * (len(sides) - sides.count(24))


@pytest.mark.parametrize(("flags", "expected"), [({"avx512_bf16"}, "bf16-mixed"), ({"avx2"}, "32-true")])
def test_bfloat16_is_used_only_where_the_processor_has_it(tiny_config, monkeypatch, flags, expected):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("edge_train.fit.fit.cpu_flags", lambda: frozenset(flags))
    assert chosen_precision(tiny_config(precision="auto")) == expected
    assert chosen_precision(tiny_config(precision="32-true")) == "32-true"


@pytest.mark.parametrize(
    "settings",
    [
        {"members": ()},
        {"members": ("resnet18", "resnet18")},
        {"members": ("vgg16",)},
        {"member_epochs": {"googlenet": 2}},
        {"member_epochs": {"resnet18": 0}},
        {"epochs": 0},
        {"source_epochs": 0},
        {"batch_size": 1},
        {"learning_rate": 0.0},
        {"average_epochs": -1},
        {"early_size": 10_000},
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(tiny_config, settings):
    with pytest.raises(UsageError):
        tiny_config(**settings)


def test_epochs_of_a_single_member(tiny_config):
    config = tiny_config(members=("resnet18", "resnet50"), epochs=3, member_epochs={"resnet50": 1})
    assert (config.epochs_for("resnet18"), config.epochs_for("resnet50")) == (3, 1)


def test_training_that_diverges_stops_at_once_and_starts_over(scratch, tiny_config, tiny_fit):
    from edge_train.fit.fit import DivergedError

    for resume in (False, True):
        with pytest.raises(DivergedError, match=r"diverged in epoch \d: .*not finite") as caught:
            tiny_fit(tiny_config(learning_rate=1e30, epochs=50), scratch, resume=resume)
        assert "--learning-rate" in caught.value.hint
        assert caught.value.exit_code == 6
        assert not (scratch / CHECKPOINT).exists()


def test_member_that_diverged_in_an_older_version_is_trained_again(tmp_path):
    from edge_train.fit.train_member import _is_finite

    for value, finite in (("0.5", True), ("nan", False), ("inf", False)):
        (tmp_path / HISTORY).write_text(f"epoch,val_nll\n0.0,{value}\n")
        assert _is_finite(tmp_path / HISTORY) is finite
