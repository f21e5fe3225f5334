from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from edge_run.calibration.operating_point import fit_threshold
from edge_run.calibration.temperature import HIGHEST, LOWEST, fit_temperature, nll
from edge_run.calibration.weights import fit_weights
from edge_run.voting.vote import decide, softmax, vote

RNG = np.random.default_rng(0)


def drawn(probabilities):
    """A class for each row, drawn with the row's probabilities."""
    return (RNG.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


def panel(scans=300):
    """Three members of unlike skill and a useless one, ``[4, scans, 2]``, and the truth."""
    truth = RNG.integers(0, 2, scans)
    signs = 2 * truth - 1
    evidence = [skill * signs + 1.2 * RNG.normal(size=scans) for skill in (1.4, 1.0, 0.6, 0.0)]
    return np.stack([softmax(np.stack([-e, e], axis=1)) for e in evidence]), truth


MEMBERS, TRUTH = panel()


def test_nll_is_the_mean_surprise_in_nats():
    p = [[0.5, 0.5], [0.2, 0.8], [1.0, 0.0]]
    assert nll(p, np.array([0, 1, 0])) == pytest.approx(-(np.log(0.5) + np.log(0.8)) / 3)
    assert nll([[1.0, 0.0]], np.array([1])) == pytest.approx(-np.log(1e-12))


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_known_temperature_is_recovered(temperature):
    logits = RNG.normal(scale=2, size=(20_000, 3))
    targets = drawn(softmax(logits))
    assert fit_temperature(logits * temperature, targets) == pytest.approx(temperature, rel=0.05)


def test_temperature_is_the_minimum():
    logits = RNG.normal(scale=4, size=(200, 2))
    targets = drawn(softmax(logits / 2.5))
    found = fit_temperature(logits, targets)
    best, lower, upper = (nll(softmax(logits, t), targets) for t in (found, found * 0.99, found * 1.01))
    assert best < min(lower, upper)


def test_temperature_stays_within_its_bounds():
    logits = np.array([[4.0, 0.0], [0.0, 4.0]])
    assert LOWEST <= fit_temperature(logits, np.array([0, 1])) < 0.2
    assert fit_temperature(logits, np.array([1, 0])) == pytest.approx(HIGHEST, rel=1e-3)


def test_weights_are_the_maximum_of_the_likelihood():
    count = len(MEMBERS)
    found = fit_weights(MEMBERS, TRUTH, shrink=0)
    optimum = minimize(
        lambda w: nll(np.tensordot(w, MEMBERS, axes=1), TRUTH),
        np.full(count, 1 / count),
        method="SLSQP",
        bounds=[(0, 1)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert nll(vote(MEMBERS, found), TRUTH) == pytest.approx(optimum.fun, abs=1e-7)
    assert found == pytest.approx(optimum.x, abs=1e-4)


@pytest.mark.parametrize("shrink", [0, 0.1, 5])
def test_weights_lie_on_the_simplex(shrink):
    weights = fit_weights(MEMBERS, TRUTH, shrink=shrink)
    assert sum(weights) == pytest.approx(1)
    assert min(weights) >= 0
    assert shrink == 0 or min(weights) > 0


def test_shrinkage_draws_weights_to_equal():
    spread = [np.ptp(fit_weights(MEMBERS, TRUTH, shrink=shrink)) for shrink in (0, 0.1, 1, 1e6)]
    assert spread == sorted(spread, reverse=True)
    assert spread[-1] < 1e-4


def test_useless_member_gets_little_weight():
    weights = fit_weights(MEMBERS, TRUTH)
    assert weights.index(max(weights)) == 0
    assert weights[3] == min(weights)
    assert weights[3] < 0.08


def test_one_member_has_the_whole_vote():
    assert fit_weights(MEMBERS[:1], TRUTH) == [1.0]


def test_member_that_rules_out_the_truth_does_not_break_the_fit():
    sure = np.stack([np.eye(2)[TRUTH], np.eye(2)[1 - TRUTH]])
    assert fit_weights(sure, TRUTH, shrink=0) == pytest.approx([1, 0], abs=1e-6)


VOTED = vote(MEMBERS, [0.4, 0.3, 0.2, 0.1])


def rates(threshold, positive):
    answers = decide(VOTED, positive=positive, threshold=threshold)
    return (answers == positive)[positive == TRUTH].mean(), (answers != positive)[positive != TRUTH].mean()


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("wanted", ["0.5", "0.8", "0.9", "0.95", "0.975", "0.999"])
def test_wanted_sensitivity_is_kept_by_the_highest_threshold_that_does(wanted, positive):
    threshold = fit_threshold(VOTED, TRUTH, positive, f"sensitivity={wanted}")
    assert rates(threshold, positive)[0] >= float(wanted)
    assert rates(np.nextafter(threshold, 1), positive)[0] < float(wanted)


def test_sensitivity_that_falls_on_a_whole_number_of_scans():
    p = np.linspace(0.01, 0.2, 20)
    both = np.stack([1 - p, p], axis=1)
    assert fit_threshold(both, np.ones(20, np.int64), 1, "sensitivity=0.95") == p[1]


@pytest.mark.parametrize("positive", [0, 1])
def test_youden_is_where_sensitivity_plus_specificity_is_largest(positive):
    found = fit_threshold(VOTED, TRUTH, positive, "youden")
    best = max(sum(rates(cut, positive)) for cut in np.unique(VOTED[:, positive]))
    assert sum(rates(found, positive)) == pytest.approx(best)


def test_number_is_the_threshold_itself():
    assert fit_threshold(VOTED, TRUTH, 1, "0.3") == 0.3


@pytest.mark.parametrize(
    "rule", ["", "0", "1", "1.5", "-0.2", "nan", "best", "sensitivity=", "sensitivity=2", "recall=0.9"]
)
def test_unknown_rule_is_refused(rule):
    with pytest.raises(ValueError, match=r"operating point .* is not a number|could not convert"):
        fit_threshold(VOTED, TRUTH, 1, rule)
