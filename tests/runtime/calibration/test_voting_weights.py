"""Voting weights on drawn members of known skill."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from edge_run.calibration.cross_fit import choose_evenness, cross_fit, equal_sets
from edge_run.calibration.temperature import HIGHEST, LOWEST
from edge_run.calibration.vote_check import temperatures_at_limit, weaknesses
from edge_run.calibration.weights import EQUAL, even_weights
from edge_run.voting.vote import softmax


def draw(skills, *, scans=600, seed=0, per_group=1):
    """Logits ``[M, N, 2]`` of members whose evidence is ``skill`` times the truth plus noise, and the truth ``[N]``."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, scans // per_group).repeat(per_group)
    evidence = [
        skill * (2 * truth - 1) + rng.normal(size=len(truth) // per_group).repeat(per_group) for skill in skills
    ]
    return np.stack([np.stack([-e, e], axis=1) for e in evidence]), truth


def weights_of(logits, truth, groups=None, sets=None):
    names = groups or [str(n) for n in range(len(truth))]
    folders = sets or ["a"] * len(truth)
    evenness = choose_evenness(cross_fit(logits, truth, names, folders))
    members = np.stack([softmax(each) for each in logits])
    return evenness, even_weights(members, truth, equal_sets(folders), evenness)


@pytest.mark.parametrize("seed", range(3))
def test_equal_experts_vote_equally(seed):
    evenness, weights = weights_of(*draw((1, 1, 1, 1), scans=150, seed=seed))
    assert evenness == EQUAL
    assert weights == [0.25] * 4


def test_expert_that_is_clearly_better_gets_more():
    evenness, weights = weights_of(*draw((2.5, 0.4, 0.4)))
    assert evenness < 1
    assert weights[0] > 0.5
    assert sum(weights) == pytest.approx(1)


@pytest.mark.parametrize("seed", range(3))
def test_experts_of_noise_get_little(seed):
    _, weights = weights_of(*draw((1.5, 0, 1.5, 0), seed=seed))
    assert weights[1] < 0.12
    assert weights[3] < 0.12
    assert min(weights[0], weights[2]) > 0.25


def test_weights_hold_elsewhere_better_than_fitted_ones():
    # Few scans, members alike: fitted weights follow noise, and on fresh scans equal ones win.
    fresh, fresh_truth = draw((1, 1, 1, 1), scans=20_000, seed=99)
    p = np.stack([softmax(each) for each in fresh])[:, np.arange(len(fresh_truth)), fresh_truth]
    losses = []
    for seed in range(3):
        logits, truth = draw((1, 1, 1, 1), scans=60, seed=seed)
        members = np.stack([softmax(each) for each in logits])
        _, chosen = weights_of(logits, truth)
        fitted = even_weights(members, truth, np.ones(len(truth)), 0.0)
        losses.append([-np.log(np.array(w) @ p).mean() for w in (chosen, fitted)])
    ours, fitted = np.mean(losses, axis=0)
    assert ours < fitted


def test_scans_of_one_patient_are_no_independent_evidence():
    logits, truth = draw((1.35, 1, 1), scans=2000, per_group=20, seed=2)
    alone, patients = [str(n) for n in range(2000)], [str(n // 20) for n in range(2000)]
    of_scans, _ = weights_of(logits, truth, alone)
    of_patients, _ = weights_of(logits, truth, patients)
    assert of_patients > of_scans
    fit = [cross_fit(logits, truth, groups, ["a"] * 2000) for groups in (alone, patients)]
    errors = [each.estimate(each.losses(EQUAL)).error for each in fit]
    assert errors[1] > 2 * errors[0]


def test_sets_weigh_the_same_however_many_scans_they_have():
    assert equal_sets(["a", "a", "a", "b"]) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    # The first member is good on the large set alone, the second on the small one alone.
    large, truth_of_large = draw((2.5, 0), scans=900, seed=1)
    small, truth_of_small = draw((0, 2.5), scans=100, seed=2)
    logits, truth = np.concatenate([large, small], axis=1), np.concatenate([truth_of_large, truth_of_small])
    names = ["large"] * 900 + ["small"] * 100
    members = np.stack([softmax(each) for each in logits])
    together, apart = (even_weights(members, truth, equal_sets(sets), 0.0) for sets in (["one"] * 1000, names))
    assert together[0] > 0.8
    assert apart[0] == pytest.approx(0.5, abs=0.1)


def test_weights_are_the_minimum():
    logits, truth = draw((1.5, 1, 0.3))
    members = np.stack([softmax(each) for each in logits])
    p = members[:, np.arange(len(truth)), truth]

    def objective(w):
        return -np.log(w @ p).mean() + 0.05 * (w * np.log(w)).sum()

    found = np.array(even_weights(members, truth, np.ones(len(truth)), 0.05))
    for move in ([1, -1, 0], [0, 1, -1], [-1, 0, 1]):
        for size in (1e-3, -1e-3):
            assert objective(found) < objective(found + size * np.array(move))


def test_no_scan_is_judged_by_what_it_fitted():
    logits, truth = draw((1, 1), scans=40)
    groups = [str(n // 2) for n in range(40)]
    before = cross_fit(logits, truth, groups, ["a"] * 40)
    turned = truth.copy()
    turned[:2] = 1 - turned[:2]
    after = cross_fit(logits, turned, groups, ["a"] * 40)
    assert np.array_equal(before.probabilities[:, :2], after.probabilities[:, :2])
    assert np.array_equal(before.fitted[0.1][:, :2], after.fitted[0.1][:, :2])
    assert not np.array_equal(before.probabilities[:, 2:], after.probabilities[:, 2:])


def test_one_group_and_one_member_are_enough():
    logits, truth = draw((1,), scans=10)
    assert weights_of(logits, truth, ["x"] * 10) == (EQUAL, [1.0])
    logits, truth = draw((3, 0), scans=10)
    assert weights_of(logits, truth, ["x"] * 10)[1] == [0.5, 0.5]


def test_vote_of_noise_is_not_better_than_chance():
    logits, truth = draw((0, 0), scans=200, seed=3)
    fit = cross_fit(logits, truth, [str(n) for n in range(200)], ["a"] * 200)
    (reason,) = weaknesses(fit, EQUAL, ["left", "right"])
    assert "not better than chance" in reason


def test_vote_that_spoils_its_best_member_is_named():
    logits, truth = draw((3, 0, 0, 0), scans=300)
    fit = cross_fit(logits, truth, [str(n) for n in range(300)], ["a"] * 300)
    (reason,) = weaknesses(fit, EQUAL, ["good", "b", "c", "d"])
    assert "worse than good alone" in reason
    assert weaknesses(fit, choose_evenness(fit), ["good", "b", "c", "d"]) == []


def test_temperature_at_a_limit_is_named():
    lines = temperatures_at_limit({"a": 1.0, "b": HIGHEST * 0.9999, "c": LOWEST * 1.0001})
    assert [line[0] for line in lines] == ["b", "c"]
    assert "say almost nothing" in lines[0]
    assert "separate the scans entirely" in lines[1]


def test_weights_are_the_minimum_where_one_member_has_nearly_all():
    # A search on a logarithmic scale can stop in the corner, where its slope vanishes.
    logits, truth = draw((3, 2, 0, 0), scans=80, seed=4)
    p = np.stack([softmax(each) for each in logits])[:, np.arange(80), truth]

    def objective(w):
        return -np.log(w @ p).mean() + 0.003 * (w * np.log(w)).sum()

    found = np.array(even_weights(np.stack([softmax(each) for each in logits]), truth, np.ones(80), 0.003))
    grid = np.linspace(0.0005, 0.9985, 400)
    assert objective(found) <= min(objective(np.array([w, 0.9988 - w + 1e-9, 0.0006, 0.0006])) for w in grid)


def test_search_is_as_good_as_a_general_one():
    for seed, evenness in enumerate((0.3, 0.03, 0.003)):
        logits, truth = draw((1.6, 1.2, 0.8, 0.4), scans=120, seed=seed)
        members = np.stack([softmax(each) for each in logits])
        p = members[:, np.arange(120), truth]

        def loss(w, p=p, evenness=evenness):
            return -np.log(w @ p).mean() + evenness * (w * np.log(w)).sum()

        general = minimize(
            loss, np.full(4, 0.25), method="SLSQP", bounds=[(1e-9, 1)] * 4,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1}, options={"ftol": 1e-14, "maxiter": 500},
        )  # fmt: skip
        assert even_weights(members, truth, np.ones(120), evenness) == pytest.approx(general.x, abs=1e-3)
