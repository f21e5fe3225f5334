"""Figures against scikit-learn and against hand-made examples; intervals by patient."""

from __future__ import annotations

import math
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from sklearn import metrics as sk

from edge_run.errors import DataError, UsageError
from edge_run.metrics import bootstrap
from edge_run.metrics.bootstrap import with_intervals
from edge_run.metrics.calibration_error import reliability_bins
from edge_run.metrics.figures import Metrics, measure, measure_weighted
from edge_run.metrics.ranking import auroc


def example(classes: int, scans: int = 300, seed: int = 0):
    """Probabilities on a coarse grid, so that many are tied, and targets that mostly agree with them."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, classes, scans)
    parts = rng.integers(1, 8, (scans, classes)) + 3 * np.eye(classes, dtype=int)[targets]
    return parts / parts.sum(axis=1, keepdims=True), targets


def binary(*positive: float):
    return np.array([[1 - p, p] for p in positive])


@pytest.mark.parametrize("positive", [0, 1])
@pytest.mark.parametrize("threshold", [None, 0.3, 0.7])
def test_two_classes_agree_with_scikit_learn(positive, threshold):
    p, y = example(2)
    assert len(np.unique(p[:, 1])) < 60, "the example must have ties"
    # Without a threshold the more probable label is the answer, the first of equals.
    at_least = threshold or (0.5 if positive == 0 else np.nextafter(0.5, 1))
    decided = np.where(p[:, positive] >= at_least, positive, 1 - positive)
    truth = y == positive
    got = measure(p, y, positive=positive, threshold=threshold)
    assert got.accuracy == pytest.approx(sk.accuracy_score(y, decided))
    assert got.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(y, decided))
    assert got.sensitivity == pytest.approx(sk.recall_score(y, decided, pos_label=positive))
    assert got.specificity == pytest.approx(sk.recall_score(y, decided, pos_label=1 - positive))
    assert got.f1 == pytest.approx(sk.f1_score(y, decided, pos_label=positive))
    assert got.auroc == pytest.approx(sk.roc_auc_score(truth, p[:, positive]))
    assert got.nll == pytest.approx(sk.log_loss(y, p))
    assert got.brier == pytest.approx(2 * sk.brier_score_loss(truth, p[:, positive]))


def test_three_classes_agree_with_scikit_learn():
    p, y = example(3)
    decided = p.argmax(axis=1)
    got = measure(p, y, positive=2)
    assert got.accuracy == pytest.approx(sk.accuracy_score(y, decided))
    assert got.balanced_accuracy == pytest.approx(sk.balanced_accuracy_score(y, decided))
    assert got.sensitivity == pytest.approx(sk.recall_score(y == 2, decided == 2))
    assert got.specificity == pytest.approx(sk.recall_score(y != 2, decided != 2))
    assert got.f1 == pytest.approx(sk.f1_score(y, decided, average="macro"))
    assert got.auroc == pytest.approx(sk.roc_auc_score(y, p, multi_class="ovr", average="macro"))
    assert got.nll == pytest.approx(sk.log_loss(y, p))
    assert got.brier == pytest.approx(np.square(p - np.eye(3)[y]).sum(axis=1).mean())


@pytest.mark.parametrize("classes", [2, 3])
def test_a_weight_is_a_repetition(classes):
    p, y = example(classes, scans=80)
    times = np.random.default_rng(1).integers(0, 4, (3, 80))
    weighted = measure_weighted(p, y, times.astype(np.float64), positive=1)
    for row, count in enumerate(times):
        repeated = measure(np.repeat(p, count, axis=0), np.repeat(y, count), positive=1)
        for name, value in msgspec.structs.asdict(repeated).items():
            assert weighted[name][row] == pytest.approx(value), name


def test_threshold_itself_is_positive():
    p, y = binary(0.25, 0.2499999, 0.75), [1, 1, 0]
    assert measure(p, y, positive=1, threshold=0.25).sensitivity == 0.5
    assert measure(p, y, positive=0, threshold=0.75).specificity == 0, "0.75 of label 0 is at the threshold"
    assert measure(p, y, positive=1, threshold=0.0).sensitivity == 1, "a threshold of 0 is not the default"


def test_more_classes_ignore_the_threshold():
    p = np.array([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])
    assert measure(p, [2, 0], positive=1, threshold=0.1).accuracy == 1


def test_tied_scores_count_one_half():
    # Positive 0.6 beats 0.4, ties with 0.6; positive 0.4 ties with 0.4, loses to 0.6: (1 + .5 + .5 + 0) / 4.
    p = binary(0.6, 0.4, 0.6, 0.4)
    assert measure(p, [1, 1, 0, 0], positive=1).auroc == 0.5
    assert auroc(np.array([0.6, 0.6, 0.1]), np.array([True, False, False]), np.ones((1, 3)))[0] == 0.75


def test_calibration_by_hand():
    # Bin (13/15, 14/15]: confidences .9 .9, one right: gap |.5 - .9| = .4.
    # Bin (8/15, 9/15]: confidences .6 .55, both right: gap |1 - .575| = .425. ECE = 2/4 * .4 + 2/4 * .425.
    p = binary(0.9, 0.1, 0.6, 0.55)
    got = measure(p, [1, 1, 1, 1], positive=1)
    assert got.ece == pytest.approx(0.4125)
    assert got.mce == pytest.approx(0.425)


def test_bins_are_closed_on_the_right():
    # 0.6 = 9/15 belongs to (8/15, 9/15], and the least float above it to the next bin.
    bins = reliability_bins(binary(0.6, np.nextafter(0.6, 1), 1.0), [1, 0, 1], positive=1)
    assert np.flatnonzero(bins.counts).tolist() == [8, 9, 14]
    assert bins.accuracy[[8, 9, 14]].tolist() == [1, 0, 1]
    assert bins.confidence[8] == pytest.approx(0.6)
    assert np.isnan(bins.accuracy[0])
    assert bins.edges[[0, 9, 15]].tolist() == [0, 0.6, 1]


def test_confidence_is_that_of_the_decided_label():
    # With threshold 0.1 the answer is positive at 0.2, and right; by argmax it is negative at 0.8, and wrong:
    # the same gap in another bin.
    low = reliability_bins(binary(0.2), [1], positive=1, threshold=0.1)
    high = reliability_bins(binary(0.2), [1], positive=1)
    assert (low.counts[2], low.accuracy[2]) == (1, 1)
    assert (high.counts[11], high.accuracy[11]) == (1, 0)
    reached = reliability_bins(binary(0.0), [1], positive=1, threshold=0.0)
    assert reached.counts[0] == 1, "a confidence of 0 is in the first bin"


def test_brier_sums_over_classes_and_nll_is_clipped():
    got = measure(binary(0.0), [1], positive=1)
    assert got.brier == 2
    assert got.nll == pytest.approx(-math.log(1e-12))
    assert measure(binary(1.0), [1], positive=1).nll == 0


def test_one_class_leaves_the_impossible_undefined():
    got = measure(binary(0.9, 0.2), [0, 0], positive=1)
    assert math.isnan(got.sensitivity)
    assert math.isnan(got.auroc)
    assert math.isnan(got.balanced_accuracy)
    assert got.specificity == got.accuracy == 0.5
    assert got.f1 == 0
    assert b'"auroc":null' in msgspec.json.encode(got)


@pytest.mark.parametrize(
    ("p", "y", "what"),
    [
        (np.ones((2, 1)), [0, 0], r"\[N, C\]"),
        (binary(0.5), [2], "targets span"),
        (binary(0.5), [-1], "targets span"),
        (binary(0.5), [0, 1], "integer targets"),
        (binary(0.5), [0.0], "integer targets"),
        (binary(np.nan), [0], "not a distribution"),
        (np.array([[0.5, 0.6]]), [0], "not a distribution"),
        (np.array([[-0.1, 1.1]]), [0], "not a distribution"),
    ],
)
def test_what_cannot_be_measured_is_refused(p, y, what):
    with pytest.raises(ValueError, match=what):
        measure(p, y, positive=0)


def test_unknown_positive_and_no_scans_are_refused():
    with pytest.raises(ValueError, match="positive class 2"):
        measure(binary(0.5), [1], positive=2)
    with pytest.raises(DataError) as caught:
        measure(np.empty((0, 2)), np.empty(0, dtype=int), positive=1)
    assert caught.value.hint


def patients(count: int, scans: int):
    return [f"patient-{index % count:03}" for index in range(scans)]


def test_intervals_hold_the_value_and_name_every_figure():
    p, y = example(2)
    got = with_intervals(p, y, patients(100, 300), positive=1, resamples=400)
    assert list(got) == list(Metrics.__struct_fields__)
    for name, value in msgspec.structs.asdict(measure(p, y, positive=1)).items():
        assert got[name].value == value
        assert got[name].low < got[name].high
        assert got[name].left_out == 0
        if name not in {"ece", "mce"}:  # biased upwards by resampling, as the module says
            assert got[name].low < value < got[name].high, name


def test_the_standard_error_of_accuracy_is_the_binomial_one():
    p, y = example(2, scans=400)
    got = with_intervals(p, y, patients(400, 400), positive=1, resamples=2000)["accuracy"]
    expected = 2 * 1.96 * math.sqrt(got.value * (1 - got.value) / 400)
    assert got.high - got.low == pytest.approx(expected, rel=0.1)


def test_scans_of_a_patient_are_no_new_evidence():
    p, y = example(2, scans=60)
    alone = with_intervals(p, y, patients(60, 60), positive=1)
    copies = with_intervals(np.tile(p, (5, 1)), np.tile(y, 5), patients(60, 300), positive=1)
    counted_apart = with_intervals(np.tile(p, (5, 1)), np.tile(y, 5), patients(300, 300), positive=1)
    for name, interval in alone.items():
        assert copies[name].low == pytest.approx(interval.low), name
        assert copies[name].high == pytest.approx(interval.high), name
    width = {
        key: each["accuracy"].high - each["accuracy"].low for key, each in (("one", alone), ("new", counted_apart))
    }
    assert width["new"] < 0.6 * width["one"]


def test_more_patients_narrow_the_interval():
    def width(scans: int) -> float:
        p, y = example(2, scans=scans)
        got = with_intervals(p, y, patients(scans, scans), positive=1, resamples=300)["auroc"]
        return got.high - got.low

    assert width(60) > 1.5 * width(600)


def test_one_patient_has_no_width():
    p, y = example(3, scans=50)
    for interval in with_intervals(p, y, ["only"] * 50, positive=1, resamples=20).values():
        assert interval.low == pytest.approx(interval.value, rel=1e-12)
        assert interval.high == pytest.approx(interval.value, rel=1e-12)


def test_seed_decides_and_the_order_of_scans_does_not():
    p, y = example(2, scans=90)
    groups = patients(30, 90)
    first = with_intervals(p, y, groups, positive=1, resamples=50, seed=3)
    assert with_intervals(p, y, groups, positive=1, resamples=50, seed=3) == first
    assert with_intervals(p, y, groups, positive=1, resamples=50, seed=4) != first
    back = with_intervals(p[::-1], y[::-1], groups[::-1], positive=1, resamples=50, seed=3)
    for name, interval in first.items():
        assert (back[name].low, back[name].high) == pytest.approx((interval.low, interval.high)), name


def test_blocks_change_nothing(monkeypatch):
    p, y = example(2, scans=40)
    whole = with_intervals(p, y, patients(20, 40), positive=1, resamples=50)
    monkeypatch.setattr(bootstrap, "_BLOCK", 40 * 7)
    parts = with_intervals(p, y, patients(20, 40), positive=1, resamples=50)
    for name, interval in whole.items():
        assert (parts[name].low, parts[name].high) == pytest.approx((interval.low, interval.high)), name


def test_a_resample_without_a_class_is_left_out_and_counted():
    p, y = example(2, scans=12)
    y = np.array([1] + [0] * 11)
    got = with_intervals(p, y, patients(12, 12), positive=1, resamples=1000)
    # One positive patient of 12 is missed with probability (11/12)**12 = 0.352.
    assert got["auroc"].left_out == pytest.approx(352, abs=60)
    assert got["sensitivity"].left_out == got["auroc"].left_out
    assert 0 <= got["auroc"].low <= got["auroc"].high <= 1
    assert got["accuracy"].left_out == 0


def test_a_figure_no_resample_gives_is_undefined():
    got = with_intervals(binary(0.9, 0.2), [0, 0], ["a", "b"], positive=1, resamples=30)["auroc"]
    assert math.isnan(got.value)
    assert math.isnan(got.low)
    assert math.isnan(got.high)
    assert got.left_out == 30


def test_a_wider_level_gives_a_wider_interval():
    p, y = example(2)
    narrow, wide = (
        with_intervals(p, y, patients(60, 300), positive=1, resamples=300, level=level)["nll"] for level in (0.5, 0.99)
    )
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("wrong", [{"resamples": 0}, {"level": 0.0}, {"level": 1.0}, {"level": 95}])
def test_intervals_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError):
        with_intervals(binary(0.5), [1], ["a"], positive=1, **wrong)


def test_every_scan_needs_its_patient():
    with pytest.raises(ValueError, match="2 groups for 1 scans"):
        with_intervals(binary(0.5), [1], ["a", "b"], positive=1)


def test_measuring_loads_neither_torch_nor_matplotlib():
    modules = "edge_run.metrics.bootstrap, edge_train.evaluate.plots"
    code = f"import sys, {modules}; print({{'torch', 'matplotlib'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
