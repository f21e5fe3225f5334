"""Exact bounds of a share, held against SciPy's beta distribution."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from edge_run.metrics.clopper_pearson import interval, upper_bound, upper_bounds


@pytest.mark.parametrize("level", [0.5, 0.95, 0.975, 0.999])
def test_bounds_are_the_quantiles_of_a_beta_distribution(level):
    rng = np.random.default_rng(0)
    trials = np.concatenate([np.arange(1, 60), rng.integers(60, 100_000, 200)])
    hits = np.concatenate([[0, 1], (rng.random(len(trials) - 2) * trials[2:]).astype(int)])
    hits = np.minimum(hits, trials - 1)
    found = upper_bounds(hits, trials, level=level)
    assert found == pytest.approx(beta.ppf(level, hits + 1, trials - hits), rel=1e-9)


def test_same_counts_get_the_same_bound_in_any_order():
    assert upper_bounds([3, 0, 3], [20, 5, 20]).tolist() == [upper_bound(3, 20), upper_bound(0, 5), upper_bound(3, 20)]


def test_all_hits_and_no_trials_bound_nothing():
    assert upper_bound(5, 5) == upper_bound(0, 0) == 1
    assert interval(0, 10)[0] == 0
    assert interval(10, 10)[1] == 1
