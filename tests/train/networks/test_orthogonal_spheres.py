from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch.nn import functional

from edge_run.errors import UsageError
from edge_train import Member, OrthogonalSpheres
from edge_train.fit.checkpoint import SafeCheckpointIO
from edge_train.fit.fit import CHECKPOINT
from edge_train.fit.module import FineTuning
from edge_train.networks.member import pool

pytestmark = pytest.mark.usefixtures("one_thread")

SWITCHES = list(itertools.product((True, False), repeat=2))


class PlainCrossEntropy(FineTuning):
    """The same training, whose loss never hears of Orthogonal Spheres."""

    def loss(self, grey, targets, epoch):  # noqa: ARG002
        logits, _ = self.member(grey)
        value = functional.cross_entropy(logits, targets, weight=self.class_weights)
        return value, value, torch.zeros(())


def last_weights(folder):
    return SafeCheckpointIO().load_checkpoint(folder / CHECKPOINT)["state_dict"]


def reference(pooled, blocks, *, normalize, squared):
    values = []
    for row in pooled.astype(np.float64):
        parts = row.reshape(blocks, -1)
        if normalize:
            parts = parts / np.maximum(np.linalg.norm(parts, axis=1, keepdims=True), 1e-6)
        distance = np.linalg.norm(parts @ parts.T - np.eye(blocks))
        values.append(distance**2 if squared else distance)
    return np.mean(values)


def test_weight_0_is_plain_cross_entropy_bit_for_bit(scratch, tiny_config, tiny_fit, monkeypatch):
    off = tiny_config(orthogonal_spheres=OrthogonalSpheres(weight=0))
    on = tiny_config(orthogonal_spheres=OrthogonalSpheres(weight=0.03, warmup=0))
    tiny_fit(off, scratch / "off")
    tiny_fit(on, scratch / "on")
    monkeypatch.setattr("edge_train.fit.fit.FineTuning", PlainCrossEntropy)
    tiny_fit(on, scratch / "plain")
    without, plain, with_spheres = (last_weights(scratch / name) for name in ("off", "plain", "on"))
    assert without.keys() == plain.keys()
    assert all(torch.equal(without[name], plain[name]) for name in without)
    assert not torch.equal(without["member.net.conv1.weight"], with_spheres["member.net.conv1.weight"])


@pytest.mark.parametrize(("normalize", "squared"), SWITCHES)
def test_penalty_is_the_distance_of_the_gram_matrix_from_the_identity(normalize, squared):
    pooled = np.random.default_rng(0).normal(size=(5, 64)).astype(np.float32)
    spheres = OrthogonalSpheres(blocks=8, normalize=normalize, squared=squared)
    expected = reference(pooled, 8, normalize=normalize, squared=squared)
    assert spheres.penalty(torch.from_numpy(pooled)).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("normalize", "squared"), SWITCHES)
def test_penalty_of_orthonormal_blocks_is_0(normalize, squared):
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(16, 16)))
    pooled = torch.from_numpy(rotation[:4].astype(np.float32)).reshape(1, 64).repeat(3, 1)
    assert OrthogonalSpheres(blocks=4, normalize=normalize, squared=squared).penalty(pooled).item() < 1e-5


def test_only_unnormalised_blocks_feel_their_length():
    pooled = 3 * torch.eye(4, 16).reshape(1, 64)
    assert OrthogonalSpheres(blocks=4, normalize=True).penalty(pooled).item() < 1e-5
    assert OrthogonalSpheres(blocks=4, normalize=False).penalty(pooled).item() == pytest.approx(8 * 2)


@pytest.mark.parametrize(("normalize", "squared"), SWITCHES)
@pytest.mark.parametrize("point", [torch.zeros(2, 64), torch.eye(4, 16).reshape(1, 64)], ids=["zero", "orthonormal"])
def test_gradient_is_finite_where_the_norm_has_none(point, normalize, squared):
    pooled = point.clone().requires_grad_()
    OrthogonalSpheres(blocks=4, normalize=normalize, squared=squared).penalty(pooled).backward()
    assert torch.isfinite(pooled.grad).all()


def test_penalty_of_half_precision_features_is_computed_in_float32():
    pooled = torch.full((1, 64), 300.0, dtype=torch.float16)
    penalty = OrthogonalSpheres(blocks=4, normalize=False, squared=True).penalty(pooled)
    assert penalty.dtype == torch.float32
    assert torch.isfinite(penalty)


def test_blocks_must_divide_the_features():
    with pytest.raises(UsageError, match="7 blocks do not divide 64 features"):
        OrthogonalSpheres(blocks=7).penalty(torch.ones(1, 64))


@pytest.mark.parametrize("settings", [{"weight": -0.1}, {"warmup": -1.0}, {"blocks": 1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError):
        OrthogonalSpheres(**settings)


def test_weight_rises_linearly_over_the_warm_up():
    spheres = OrthogonalSpheres(weight=0.2, warmup=2.0)
    assert [spheres.weight_at(epoch) for epoch in (0, 0.5, 1, 2, 7.5)] == pytest.approx([0, 0.05, 0.1, 0.2, 0.2])
    assert OrthogonalSpheres(weight=0.2, warmup=0).weight_at(0) == 0.2


def test_loss_adds_the_weighted_penalty_of_the_pooled_features(tiny_config, toy_scans):
    torch.manual_seed(0)
    member = Member("resnet18", 2).eval()
    spheres = OrthogonalSpheres(weight=0.2, warmup=2.0)
    task = FineTuning(member, tiny_config(orthogonal_spheres=spheres), None, epochs=2)
    scans = toy_scans(4)
    grey = torch.from_numpy(scans.pixels)[:, None]
    with torch.no_grad():
        total, cross_entropy, penalty = task.loss(grey, torch.from_numpy(scans.targets), epoch=1.0)
        assert torch.equal(penalty, spheres.penalty(pool(member(grey)[1])))
    assert total.item() == pytest.approx(cross_entropy.item() + 0.1 * penalty.item())
