"""The statistics of drift, against SciPy's and against chance itself."""

import numpy as np
import pytest
from scipy import stats

from edge_run.cases.shift import kolmogorov_smirnov, merged, psi, psi_by_chance, wilson


def test_psi_by_hand():
    ours, theirs = np.array([9.5, 29.5]), np.array([19.5, 19.5])
    expected = (0.25 - 0.5) * np.log(0.25 / 0.5) + (0.75 - 0.5) * np.log(0.75 / 0.5)
    assert psi(ours, theirs) == pytest.approx(expected)
    assert psi([3, 4, 5], [3, 4, 5]) == 0
    assert np.isfinite(psi([10, 0], [0, 10]))


@pytest.mark.parametrize("bins", [2, 3, 10, 40])
def test_chance_is_chi_squared(bins):
    mean, largest = psi_by_chance(bins, 200, 300)
    scale = 1 / 200 + 1 / 300
    assert mean == pytest.approx((bins - 1) * scale)
    assert largest == pytest.approx(stats.chi2.ppf(0.99, bins - 1) * scale, rel=0.03)


@pytest.mark.parametrize(("n", "m"), [(60, 118), (500, 367)])
def test_one_in_a_hundred_unchanged_samples_is_beyond_chance(n, m):
    chance = np.random.default_rng(0)
    share = np.full(8, 1 / 8)
    found = np.array([psi(chance.multinomial(n, share), chance.multinomial(m, share)) for _ in range(4000)])
    mean, largest = psi_by_chance(8, n, m)
    assert found.mean() == pytest.approx(mean, rel=0.1)
    assert 0.004 < (found > largest).mean() < 0.02


@pytest.mark.parametrize(("shift", "error"), [(0.0, 0.008), (0.1, 0.008), (0.3, 0.08)])
def test_kolmogorov_smirnov_is_scipys_exact_one_on_fine_bins(shift, error):
    chance = np.random.default_rng(1)
    one, two = chance.normal(0, 1, 200), chance.normal(shift, 1, 300)
    edges = np.sort(np.concatenate([one, two]))
    bins = [np.searchsorted(edges, values) for values in (one, two)]
    distance, p = kolmogorov_smirnov(*(np.bincount(places, minlength=len(edges)) for places in bins))
    expected = stats.ks_2samp(one, two, method="exact")
    assert distance == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, rel=error)


def test_kolmogorov_smirnov_of_equals_and_opposites():
    assert kolmogorov_smirnov([5, 5], [7, 7]) == (0, 1)
    distance, p = kolmogorov_smirnov([50, 0], [0, 50])
    assert distance == 1
    assert 0 <= p < 1e-12


@pytest.mark.parametrize(("hits", "of"), [(0, 5), (5, 5), (37, 100)])
def test_wilson_is_scipys(hits, of):
    expected = stats.binomtest(hits, of).proportion_ci(method="wilson")
    assert wilson(hits, of) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(
    ("counts", "starts"),
    [
        ([5, 5, 5], [0, 1, 2]),
        ([1, 4, 9, 0, 2], [0, 2]),
        ([0, 0, 0], [0]),
        ([2, 2, 2], [0]),
        ([9, 0, 0, 9], [0, 1]),
    ],
)
def test_sparse_bins_are_joined(counts, starts):
    assert merged(counts, 5).tolist() == starts
    assert (np.add.reduceat(counts, starts) >= 5).all() or len(starts) == 1
