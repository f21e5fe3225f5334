"""Quantiles, spread, and what trials come to."""

import numpy as np
import pytest

from edge_run.bench.summary import quantile, spread, summarise


@pytest.mark.parametrize("count", [1, 2, 5, 100])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_quantiles_are_those_of_numpy(count, share):
    values = np.random.default_rng(count).lognormal(size=count).tolist()
    assert quantile(values, share) == pytest.approx(np.quantile(values, share))


def test_quantiles_are_of_all_answers_and_the_rest_of_blocks(trial):
    trials = [
        trial(1.0, 2.0, load_ms=10.0, first_ms=1.0, peak_bytes=5, cold_ms=100.0),
        trial(3.0, 4.0, load_ms=20.0, first_ms=2.0, peak_bytes=7, cold_ms=300.0),
        trial(5.0, load_ms=90.0, first_ms=9.0, peak_bytes=6, cold_ms=200.0),
    ]
    found = summarise(trials)
    assert (found.samples, found.p50_ms, found.p90_ms) == (5, 3.0, pytest.approx(4.6))
    assert found.trial_medians_ms == (1.5, 3.5, 5.0)
    assert (found.load_ms, found.first_ms, found.cold_ms, found.peak_bytes) == (20.0, 2.0, 200.0, 7)
    assert found.per_second == pytest.approx(5 / 0.015)


def test_steady_blocks_are_trusted_and_others_not(trial):
    assert not summarise([trial(10.0), trial(10.2), trial(10.1)]).unsteady
    shaken = summarise([trial(10.0), trial(14.0), trial(10.1)])
    assert shaken.unsteady
    assert shaken.spread == pytest.approx(spread((10.0, 14.0, 10.1))) == pytest.approx((12.05 - 10.05) / 10.1)


def test_a_single_slow_answer_is_in_the_tail_and_not_in_the_spread(trial):
    found = summarise([trial(*[10.0] * 9, 500.0) for _ in range(3)])
    assert (found.unsteady, found.p50_ms) == (False, 10.0)
    assert found.p99_ms == 500.0


def test_asked_and_energy_are_of_one_answer(trial):
    trials = [
        trial(1.0, members_run=4.0, energy_j={"gpu 0": 3.0, "rapl 0": 1.0}),
        trial(1.0, 1.0, members_run=1.0, energy_j={"gpu 0": 6.0}),
    ]
    found = summarise(trials)
    assert found.members_run == pytest.approx((4 + 1 + 1) / 3)
    # A meter that failed in one trial would give too little.
    assert found.energy_j == {"gpu 0": 3.0}


def test_what_no_block_knows_stays_unknown(trial):
    found = summarise([trial(1.0, peak_bytes=None)])
    assert (found.cold_ms, found.peak_bytes, found.energy_j) == (None, None, {})
