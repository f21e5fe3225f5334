"""What flags catch, counted from the shares that a manifest stores."""

from __future__ import annotations

import pytest

from edge_run.bundle.manifest import Evaluation, Figure, FlagThresholds
from edge_run.flags.catch import FlagCatch, flag_catch
from edge_run.metrics.clopper_pearson import interval


def thresholds(rate, error, bound=0.1):
    return FlagThresholds("rate=0.1", rate, 0.5, None, None, error=error, error_bound=bound)


def measured(accuracy, scans=200):
    return Evaluation("val", scans, {"accuracy": Figure(accuracy, None, None)})


def test_counts_come_back_from_the_shares():
    # 200 scans, 20 flagged; 15 wrong, 9 of them among the 180 unflagged.
    found = flag_catch(measured(185 / 200), thresholds(20 / 200, 9 / 180))
    assert found == FlagCatch(scans=200, flagged=20, wrong=15, caught=6, bound=0.1)
    low, high = interval(6, 15)
    assert f"catch 6 of 15 wrong answers (40.0%, 95 % interval {low:.1%} to {high:.1%})" in found.sentence()
    assert "9 of 180 are wrong (5.0%" in found.sentence()
    assert "at most 10.0% of patients" in found.sentence()


@pytest.mark.parametrize(
    ("accuracy", "rate", "error"),
    [(None, 0.1, 0.05), (0.9, 0.1, None), (0.99, 0.1, 0.5), (0.5, 0.01, 0.0)],
)
def test_figures_that_are_missing_or_contradict_each_other_count_nothing(accuracy, rate, error):
    assert flag_catch(measured(accuracy), thresholds(rate, error)) is None
    assert flag_catch(None, thresholds(rate, error)) is None


def test_no_wrong_answer_and_no_unflagged_one():
    assert "no answer is wrong" in flag_catch(measured(1.0), thresholds(0.1, 0.0)).sentence()
    every = flag_catch(measured(0.9), thresholds(1.0, None, None)).sentence()
    assert "catch 20 of 20 wrong answers" in every
    assert "there are none" in every
