"""Quantiles, spread, and what blocks come to."""

import numpy as np
import pytest

from edge_run.bench.summary import quantile, spread, summarise


@pytest.mark.parametrize("count", [1, 2, 5, 100])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.95, 0.99, 1.0])
def test_quantiles_are_those_of_numpy(count, share):
    values = np.random.default_rng(count).lognormal(size=count).tolist()
    assert quantile(values, share) == pytest.approx(np.quantile(values, share))


def test_quantiles_are_of_all_answers_and_the_rest_of_blocks(block):
    blocks = [
        block(1.0, 2.0, load_ms=10.0, first_ms=1.0, peak_bytes=5, cold_ms=100.0),
        block(3.0, 4.0, load_ms=20.0, first_ms=2.0, peak_bytes=7, cold_ms=300.0),
        block(5.0, load_ms=90.0, first_ms=9.0, peak_bytes=6, cold_ms=200.0),
    ]
    found = summarise(blocks)
    assert (found.samples, found.p50_ms, found.p90_ms) == (5, 3.0, pytest.approx(4.6))
    assert found.block_medians_ms == (1.5, 3.5, 5.0)
    assert (found.load_ms, found.first_ms, found.cold_ms, found.peak_bytes) == (20.0, 2.0, 200.0, 7)
    assert found.per_second == pytest.approx(5 / 0.015)


def test_steady_blocks_are_trusted_and_others_not(block):
    assert not summarise([block(10.0), block(10.2), block(10.1)]).unsteady
    shaken = summarise([block(10.0), block(14.0), block(10.1)])
    assert shaken.unsteady
    assert shaken.spread == pytest.approx(spread((10.0, 14.0, 10.1))) == pytest.approx((12.05 - 10.05) / 10.1)


def test_a_single_slow_answer_is_in_the_tail_and_not_in_the_spread(block):
    found = summarise([block(*[10.0] * 9, 500.0) for _ in range(3)])
    assert (found.unsteady, found.p50_ms) == (False, 10.0)
    assert found.p99_ms == 500.0


def test_asked_and_energy_are_of_one_answer(block):
    blocks = [
        block(1.0, asked=4.0, energy_j={"gpu 0": 3.0, "rapl 0": 1.0}),
        block(1.0, 1.0, asked=1.0, energy_j={"gpu 0": 6.0}),
    ]
    found = summarise(blocks)
    assert found.asked == pytest.approx((4 + 1 + 1) / 3)
    # A meter that failed in one block would give too little.
    assert found.energy_j == {"gpu 0": 3.0}


def test_what_no_block_knows_stays_unknown(block):
    found = summarise([block(1.0, peak_bytes=None)])
    assert (found.cold_ms, found.peak_bytes, found.energy_j) == (None, None, {})
