"""The accuracy benchmark: what it says of its rows, against cases worked out by hand."""

from __future__ import annotations

import math

import pytest

from accuracy_rows import arms, fake
from benchmarks.accuracy import compare, published, statistics, tables

# Statistics, by hand


def test_interval_of_two_and_three_values():
    # s = sqrt(0.02), t(0.975, 1) = 12.7062: half = 12.7062 * 0.1 = 1.27062
    two = statistics.spread([0.7, 0.9])
    assert two.mean == pytest.approx(0.8)
    assert two.half == pytest.approx(1.27062, abs=1e-5)
    # s = 1, t(0.975, 2) = 4.30265: half = 4.30265 / sqrt(3)
    three = statistics.spread([1.0, 2.0, 3.0])
    assert (three.mean, three.n) == (2.0, 3)
    assert three.half == pytest.approx(2.48414, abs=1e-5)


def test_one_value_has_no_interval():
    assert math.isnan(statistics.spread([0.5]).half)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([0.1], 1.0),
        ([0.1, 0.2], 0.5),  # only ++ and -- reach 0.3
        ([0.1, -0.2], 1.0),  # every pattern reaches 0.1
        ([0.1, 0.2, 0.3], 0.25),
        ([-0.1, -0.2, -0.3], 0.25),
        ([0.1, 0.2, -0.3], 1.0),  # the sum is 0
        ([-0.1, 0.2, 0.3], 0.5),  # 0.4 and 0.6, of either sign
        ([0.0, 0.0, 0.0], 1.0),
        ([0.0, 0.1, 0.1], 0.5),  # a pair without a difference tells nothing
        ([0.1] * 6, 2 / 64),
    ],
)
def test_sign_flip_counts_every_pattern(differences, p):
    assert statistics.sign_flip(differences) == pytest.approx(p)


def test_sign_flip_counts_many_pairs_too_and_says_when_there_are_too_many():
    assert statistics.sign_flip([0.01] * 30) == pytest.approx(2.0**-29)
    with pytest.raises(ValueError, match="41 pairs"):
        statistics.sign_flip([0.01] * 41)


def test_smallest_p_is_that_of_differences_of_one_sign():
    for n in (1, 2, 3, 6):
        found = statistics.paired([0.1] * n)
        assert found.p == pytest.approx(found.smallest_p)


# Pairs and verdicts


def test_pairs_are_alike_in_all_but_the_arm():
    before, after = fake(), fake(arm="os")
    odd = [fake(arm="os", seed=1), fake(arm="os", protocol="leaky"), fake(arm="os", device="GPU"), fake(size=64)]
    assert compare.pairs([after, before, *odd], compare.OS) == [(before, after)]
    staged = fake(source="sars-cov-2-ct")
    assert compare.pairs([after, staged, before], compare.SOURCE) == [(before, staged)]


def test_members_of_one_seed_are_one_pair():
    rows = arms(2, lambda seed: 0.01 + 0.02 * seed, members=("resnet18", "googlenet"))
    wanted = {"protocol": "patient-disjoint", "dataset": "", "ensemble": False}
    found = compare.compare(rows, compare.OS, compare.ACCURACY, **wanted)
    assert (found.difference.n, found.difference.mean) == (2, pytest.approx(0.02))


def test_os_is_not_tested_twice_on_one_seed():
    rows = [*arms(1, lambda _: 0.01), *arms(1, lambda _: 0.09, source="sars-cov-2-ct")]
    wanted = {"protocol": "patient-disjoint", "dataset": "", "ensemble": False}
    assert compare.compare(rows, compare.OS, compare.ACCURACY, **wanted).difference.mean == pytest.approx(0.01)
    assert compare.compare(rows, compare.SOURCE, compare.ACCURACY, **wanted).difference.n == 1


@pytest.mark.parametrize(
    ("seeds", "gain", "verdict"),
    [
        (7, lambda seed: 0.02 + 0.001 * seed, "**yes**"),
        (7, lambda seed: -0.02 - 0.001 * seed, "**no, it harms**"),
        (7, lambda seed: 0.02 * (-1) ** seed, "**not shown**"),
        (3, lambda seed: 0.02 + 0.001 * seed, "too few for a p below 0.25"),
        (1, lambda _: 0.02, "no interval, p 1, 1 pair, too few"),
        (0, lambda _: 0.0, "No pair has been trained yet."),
    ],
)
def test_the_verdict_needs_both_test_and_interval(seeds, gain, verdict):
    said = compare.answer(arms(seeds, gain), compare.OS, compare.ACCURACY, ensemble=False)
    assert said.startswith("Does OS help accuracy here?")
    assert verdict in said


def test_a_calibration_error_that_falls_is_an_improvement():
    ece = next(one for one in compare.MEASURES if not one.calibrated)
    rows = [
        fake(seed=seed, arm=arm, uncalibrated=0.2 - 0.02 * (arm == "os") - 0.001 * seed * (arm == "os"))
        for seed in range(7)
        for arm in ("ce", "os")
    ]
    assert "**yes**" in compare.answer(rows, compare.OS, ece, ensemble=False)


# The table


def test_table_sets_the_protocols_side_by_side_and_the_literature_beside_ours():
    members = ("resnet18", "googlenet")
    rows = [
        *arms(3, lambda seed: 0.01 * seed, members=members, ensemble=0.9),
        *arms(2, lambda _: 0.01, members=members, protocol="leaky"),
    ]
    text = tables.markdown(rows)
    assert "leaky, for comparison with the literature only: accuracy" in text
    assert "| covid-ct | resnet18 | cross-entropy | 3 / 2 | 9 / 9 | 0.800 ± 0.000 |" in text
    assert "| covid-ct | ensemble | cross-entropy | 3 / 2 | 9 / 9 | 0.900 ± 0.000 |" in text
    assert "| 0.9897 | 0.9898 | 0.900 ± 0.000 |" in text
    assert "Does OS help accuracy (of the vote) here" in text.replace(
        "accuracy here (of the vote)", "accuracy (of the vote) here"
    )
    assert text.count("| all sets |") == 0


def test_settings_stand_apart():
    text = tables.markdown([fake(), fake(size=64)])
    assert text.count("### ") == 2
    assert tables.markdown([]) == "No row has been trained yet."


def test_published_figures_are_those_of_the_abstracts():
    assert [one.accuracy for one in published.PUBLISHED] == [0.9897, 0.9752, 0.9397, 0.016, 0.048]
    assert tables.mean([None]) == tables.NONE
