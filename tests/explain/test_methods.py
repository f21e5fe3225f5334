"""Every method finds what the answer depends on, and keeps its promise about sums."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from captum.attr import GradientShap

from edge_explain.methods.compiled import blurred, composed, probability_of
from edge_explain.methods.gradcam import grad_cam
from edge_explain.methods.gradient_shap import gradient_shap
from edge_explain.methods.regions import segment, shapley
from edge_explain.parity import compare
from edge_run.heatmap.activation import contrast_map
from edge_run.voting.vote import vote
from striped_square import SIZE, SQUARE, background_scan, by_cell, head


@pytest.fixture(scope="module")
def answer(planted):
    return probability_of(planted.ensemble, 0)


@pytest.fixture(scope="module")
def regions(planted, answer):
    return shapley(answer, planted.scan, regions=16, permutations=4, seed=3)


@pytest.fixture(scope="module")
def backgrounds():
    return np.stack([background_scan(seed) for seed in (1, 2, 3)])


@pytest.fixture(scope="module")
def shap(planted, backgrounds):
    return gradient_shap(planted.originals.member("resnet18"), planted.scan, 0, backgrounds, samples=8)


def test_square_decides(planted, answer):
    with_, without = answer(np.stack([planted.scan, planted.without]))
    assert with_ > 0.9
    assert without < 0.3


def test_answer_in_batches_is_that_of_the_vote(planted, answer):
    scans = np.stack([background_scan(seed) for seed in range(20)] + [planted.scan])
    weights = [member.weight for member in planted.ensemble.manifest.members]
    expected = vote(planted.ensemble.probabilities(scans[:, None]), weights)[:, 0]
    np.testing.assert_allclose(answer(scans), expected, atol=1e-7)


@pytest.mark.parametrize("label", [0, 1])
@pytest.mark.parametrize("place", [0, 1])
def test_bedside_map_is_that_of_captum(planted, place, label):
    arch = planted.originals.ids[place]
    features = planted.ensemble.outputs(planted.scan[None, None])[place].features[0]
    bedside = contrast_map(features, head(), label)
    parity = compare(bedside, grad_cam(planted.originals.member(arch), planted.scan, label))
    assert parity.cosine == pytest.approx(1, abs=1e-6)
    assert parity.max_abs < 1e-4


def test_parity_tells_another_map():
    map_ = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert compare(map_ * 6, map_).max_abs == 0
    assert compare(map_ * 6 + 3, map_).max_abs == pytest.approx(3 / 30)
    assert compare(-map_ * 6, map_).cosine == pytest.approx(-1)
    nothing = np.zeros((2, 3), np.float32)
    assert compare(nothing, nothing) == compare(map_ * 6, map_)
    assert compare(map_, nothing).cosine == 0


def test_grad_cam_finds_the_square(planted):
    map_ = grad_cam(planted.originals.member("resnet18"), planted.scan, 0)
    fine = cv2.resize(map_, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
    assert fine[SQUARE].sum() > 0.99 * np.maximum(fine, 0).sum() > 0
    assert (grad_cam(planted.originals.member("resnet18"), planted.scan, 1) == -map_).all()


def test_shap_finds_the_square(shap):
    assert shap.attribution[SQUARE].sum() > 0.8 * np.abs(by_cell(shap.attribution)).sum()


def test_shap_explains_the_whole_difference(planted, backgrounds, shap):
    member = planted.originals.member("resnet18")
    logits = member(torch.from_numpy(np.stack([planted.scan, *backgrounds])[:, None]))[0].detach().double().numpy()
    contrast = logits[:, 0] - logits[:, 1]
    difference = contrast[0] - contrast[1:].mean()
    assert shap.attribution.sum() - difference == pytest.approx(shap.gap, abs=1e-4)
    assert abs(shap.gap) < 0.1 * difference


def test_shap_depends_on_the_seed_alone(planted, backgrounds, shap):
    def ask(seed):
        return gradient_shap(planted.originals.member("resnet18"), planted.scan, 0, backgrounds, samples=8, seed=seed)

    assert ask(0).attribution.tobytes() == shap.attribution.tobytes()
    assert ask(1).attribution.tobytes() != shap.attribution.tobytes()


def test_shap_makes_one_gradient_at_a_time_along_the_whole_way(planted, backgrounds, monkeypatch):
    asked = []

    class Spy(GradientShap):
        def attribute(self, end, begin, *, n_samples):
            asked.append((begin.detach(), end.detach(), len(end) * n_samples))
            return super().attribute(end, begin, n_samples=n_samples)

    monkeypatch.setattr("edge_explain.methods.gradient_shap.GradientShap", Spy)
    gradient_shap(planted.originals.member("resnet18"), planted.scan, 0, backgrounds[:1], samples=4)
    begins, ends, sizes = zip(*asked, strict=True)
    assert sizes == (1, 1, 1, 1)
    np.testing.assert_allclose(begins[0][0, 0], backgrounds[0])
    np.testing.assert_allclose(ends[-1][0, 0], planted.scan, atol=1e-4)
    assert all(torch.equal(begin, end) for begin, end in zip(begins[1:], ends[:-1], strict=True))


def test_shap_leaves_the_global_generators_alone(planted, backgrounds):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    before = torch.rand(1), np.random.rand()  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    gradient_shap(planted.originals.member("resnet18"), planted.scan, 0, backgrounds, samples=2)
    assert (torch.rand(1), np.random.rand()) == before  # noqa: NPY002


def test_regions_find_the_square(regions):
    touching = np.unique(regions.segments[SQUARE])
    assert regions.values[touching].sum() > 0.9 * np.abs(regions.values).sum() > 0.5


def test_regions_add_up(planted, answer, regions):
    empty, full = answer(np.stack([blurred(planted.scan), planted.scan]))
    assert (regions.empty, regions.full) == (pytest.approx(empty), pytest.approx(full))
    assert regions.values.sum() == pytest.approx(full - empty, abs=1e-6)
    assert regions.gap == pytest.approx(0, abs=1e-6)
    assert regions.evaluations == 2 + 1 + 4 * len(regions.values)


def test_regions_depend_on_the_seed_alone(planted, answer, regions):
    again = shapley(answer, planted.scan, regions=16, permutations=4, seed=3)
    assert again.values.tobytes() == regions.values.tobytes()
    assert (
        shapley(answer, planted.scan, regions=16, permutations=4, seed=4).values.tobytes() != regions.values.tobytes()
    )


def test_regions_are_exact_where_regions_do_not_interact():
    # The probability is a weighted mean of grey levels: each region's value is its own change, in any order.
    scan = background_scan(0)
    weights = np.random.default_rng(0).random((SIZE, SIZE))
    found = shapley(lambda scans: (scans * weights).mean((1, 2)), scan, regions=9, permutations=2)
    change = weights * (scan.astype(float) - blurred(scan)) / scan.size
    np.testing.assert_allclose(found.values, np.bincount(found.segments.ravel(), change.ravel()), atol=1e-4)


def test_segments_are_counted_without_gaps(planted):
    segments = segment(planted.scan, 16)
    assert segments.shape == (SIZE, SIZE)
    assert (np.unique(segments) == np.arange(segments.max() + 1)).all()
    assert 8 <= segments.max() + 1 <= 32


def test_composed_takes_each_from_its_side():
    keep = np.array([[[True, False]], [[False, True]]])
    found = composed(keep, np.array([[1, 2]], np.uint8), np.array([[8, 9]], np.uint8))
    assert found.tolist() == [[[1, 9]], [[8, 2]]]
    assert found.dtype == np.uint8


def test_no_hook_is_left_after_an_error(planted, backgrounds, monkeypatch):
    member = planted.originals.member("resnet18")

    def fail(*_):
        raise RuntimeError("the last layer failed")

    monkeypatch.setattr(type(member.net.fc), "forward", fail)
    for explain in (grad_cam, lambda *asked: gradient_shap(*asked, backgrounds)):
        with pytest.raises(RuntimeError, match="the last layer failed"):
            explain(member, planted.scan, 0)
    assert not [m for m in member.modules() if m._forward_hooks or m._forward_pre_hooks or m._backward_hooks]
    assert not any(parameter.requires_grad for parameter in member.parameters())
