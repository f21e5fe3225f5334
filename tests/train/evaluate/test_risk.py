"""The risk-coverage curve and its bounds, held against values worked out by hand."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from edge_run.metrics.clopper_pearson import interval, upper_bound
from edge_run.metrics.figures import measure, measure_weighted
from edge_train.evaluate.evaluate import Evaluation, evaluate, opened, table
from edge_train.evaluate.flags import count_flags, in_words, working_point
from edge_train.evaluate.risk import WorkingPoint, draw, risk_coverage
from samples.dataset import write_dataset
from toy import write_toy_bundle

CONFIDENCE = np.array([0.95, 0.6, 0.8, 0.7])
P = np.stack([CONFIDENCE, 1 - CONFIDENCE], axis=1)
TARGETS = np.array([0, 1, 1, 0])  # right, wrong, wrong, right; by confidence: right, wrong, right, wrong


def test_curve_by_hand():
    coverage, risk = risk_coverage(P, TARGETS, positive=0, threshold=0.5)
    assert coverage == pytest.approx([0.25, 0.5, 0.75, 1])
    assert risk == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert measure(P, TARGETS, positive=0, threshold=0.5).aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equally_sure_scans_are_kept_together():
    same = np.tile([0.8, 0.2], (4, 1))
    coverage, risk = risk_coverage(same, TARGETS, positive=0, threshold=None)
    assert (coverage.tolist(), risk.tolist()) == ([1], [0.5])
    assert measure(same, TARGETS, positive=0).aurc == 0.5


def test_a_scan_of_weight_two_is_two_scans():
    weights = np.array([[1.0, 2, 0, 3]])
    often = np.repeat(np.arange(4), weights[0].astype(int))
    (found,) = measure_weighted(P, TARGETS, weights, positive=0)["aurc"]
    assert found == pytest.approx(measure(P[often], TARGETS[often], positive=0).aurc)


def test_confidence_is_the_largest_probability_also_where_a_threshold_overrules_it():
    p = np.array([[0.6, 0.4], [0.9, 0.1]])
    coverage, risk = risk_coverage(p, [1, 1], positive=0, threshold=0.95)
    assert (coverage.tolist(), risk.tolist()) == ([0.5, 1], [0, 0])


def test_bounds_of_clopper_and_pearson():
    assert upper_bound(0, 149) == pytest.approx(1 - 0.05 ** (1 / 149))
    assert upper_bound(5, 5) == upper_bound(0, 0) == 1
    # Binomial tails by their definition: at each end, what was seen has a chance of 2.5 %.
    low, high = interval(3, 20)
    chance = [sum(np.prod([*range(20, 20 - k, -1)]) / np.prod([*range(1, k + 1)]) * q**k * (1 - q) ** (20 - k)
              for k in ks) for q, ks in ((low, range(3, 21)), (high, range(4)))]  # fmt: skip
    assert chance == pytest.approx([0.025, 0.025], rel=1e-6)
    assert interval(0, 10)[0] == 0


def test_flags_are_counted_against_answers():
    flags = [("blank",), (), (), ("blank", "low-confidence"), ()]
    wrong = np.array([True, False, True, False, False])
    found = count_flags(flags, wrong, ["a", "b", "c", "d", "c"])
    assert {name: rate for name, rate in found.rates.items() if rate} == {
        "low-confidence": 0.2, "blank": 0.4, "any": 0.4,
    }  # fmt: skip
    assert (found.unflagged, found.unflagged_wrong, found.error) == (3, 1, pytest.approx(1 / 3))
    assert (found.low, found.high) == interval(1, 3)
    assert found.error_bound == upper_bound(1, 2)  # groups b and c
    assert found.flagged_error == 0.5
    assert working_point(found) == (pytest.approx(0.6), pytest.approx(1 / 3))
    assert in_words(found)[0] == "flags: 40.0% of the scans flagged (low-confidence 20.0%, blank 40.0%)"


def test_all_or_nothing_flagged():
    every = count_flags([("blank",)] * 2, np.array([True, False]), ["a", "b"])
    assert (every.error, every.low, every.error_bound, every.flagged_error) == (None, None, None, 0.5)
    assert working_point(every) is None
    assert len(in_words(every)) == 2
    none = count_flags([()] * 2, np.array([True, False]), ["a", "b"])
    assert (none.error, none.flagged_error) == (0.5, None)
    assert len(in_words(none)) == 3


def test_a_bundle_is_evaluated_with_its_flags(tmp_path):
    data = write_dataset(tmp_path / "phantoms", ("covid", "non_covid"), {"test": 3}, size=96)

    def unsure(plain):
        plain["flags"]["int8-cpu"]["low_confidence"] = 1.0

    for folder, changed, share in (("sure", None, 0), ("unsure", unsure, 1)):
        with opened(write_toy_bundle(tmp_path / folder, mutate=changed), precision="int8-cpu", threads=1) as subject:
            found = evaluate(subject, [data], out=tmp_path / f"{folder}-out", resamples=2)
        assert (found.flags.rates["low-confidence"], found.flags.rates["any"]) == (share, share)
        assert msgspec.json.decode((tmp_path / f"{folder}-out" / "evaluation.json").read_bytes(), type=Evaluation)
        assert f"flags: {share:.1%} of the scans flagged" in table(found)
        assert (tmp_path / f"{folder}-out" / "risk_coverage.png").is_file()


def test_curve_is_drawn(tmp_path):
    path = tmp_path / "risk.png"
    draw(path, {"a": (P, TARGETS), "ensemble": (P, TARGETS)}, positive=0, threshold=None, point=WorkingPoint(0.9, 0.1))
    assert path.read_bytes().startswith(b"\x89PNG")
