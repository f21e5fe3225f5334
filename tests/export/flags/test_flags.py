"""The thresholds of the flags keep what was asked for, and the bedside flags what the export said it would."""

from __future__ import annotations

import numpy as np
import pytest

from edge_export.flags.feature_distance import fit_statistics
from edge_run import Ensemble, UsageError, read
from edge_run.bundle.bundle import Bundle
from edge_run.flags import NAMES, FeatureDistance
from edge_run.flags.profile import edges_of, histogram
from edge_run.flags.thresholds import Target, bound_of, check_reachable, fit_thresholds
from edge_run.scan.preprocessing import preprocess
from edge_train.data.dataset import read_folders
from samples.draw import chest_ct, chest_xray
from samples.foreign import FOREIGN
from toy import edge_run

FITTED = ("low-confidence", "members-disagree", "out-of-distribution")


def validation(seed=0, patients=150, *, per_patient=2, error=0.5):
    """Doubts of two kinds; the more doubtful by the first, the more often wrong."""
    rng = np.random.default_rng(seed)
    doubt = rng.uniform(0, 1, patients).repeat(per_patient)
    wrong = rng.uniform(0, 1, patients).repeat(per_patient) < error * doubt**3
    groups = [str(n) for n in np.arange(patients).repeat(per_patient)]
    return {"confidence": doubt, "distance": rng.uniform(0, 1, len(doubt))}, wrong, groups


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5])
def test_as_many_are_flagged_as_the_rate_allows(share):
    doubts, wrong, groups = validation()
    fitted = fit_thresholds(doubts, wrong, groups, Target("rate", share))
    assert share - 2 / len(wrong) <= fitted.flagged.mean() <= share
    at_threshold = np.any([doubts[name] >= cut for name, cut in fitted.thresholds.items()], axis=0)
    assert (at_threshold == fitted.flagged).all()
    assert fitted.error == wrong[~fitted.flagged].mean()


def test_each_flag_marks_the_same_share():
    doubts, wrong, groups = validation()
    fitted = fit_thresholds(doubts, wrong, groups, Target("rate", 0.2))
    marked = {name: int((doubts[name] >= cut).sum()) for name, cut in fitted.thresholds.items()}
    assert abs(marked["confidence"] - marked["distance"]) <= 1  # scans of one patient are equally doubtful


def test_equally_doubtful_scans_are_flagged_together_or_not_at_all():
    doubts = {"confidence": np.array([0.0] * 12 + [1.0] * 8)}
    wrong, groups = np.zeros(20, bool), [str(n) for n in range(20)]
    assert fit_thresholds(doubts, wrong, groups, Target("rate", 0.3)).flagged.sum() == 0
    assert fit_thresholds(doubts, wrong, groups, Target("rate", 0.4)).flagged.sum() == 8


def test_the_error_that_is_promised_is_kept():
    # The true error among the unflagged is known: doubt is uniform, and the error rises with it.
    broken = promised = 0
    for seed in range(40):
        try:
            fitted = fit_thresholds(*validation(seed, 400, per_patient=1), Target("error", 0.08))
        except UsageError:
            continue
        promised += 1
        cut = min(fitted.thresholds["confidence"], 1)
        broken += 0.5 * cut**3 / 4 > 0.08  # mean of error over doubts from 0 to cut
    assert promised >= 20
    assert broken <= 5  # 5 % of 40, and what chance adds to it


def test_a_stricter_promise_flags_more():
    scans = validation(patients=1500, per_patient=1)
    flagged = [fit_thresholds(*scans, Target("error", share)).flagged for share in (0.12, 0.09, 0.07)]
    assert flagged[0].sum() < flagged[1].sum() < flagged[2].sum()
    assert (flagged[1] >= flagged[0]).all()
    assert (flagged[2] >= flagged[1]).all()
    for share, marked in zip((0.12, 0.09, 0.07), flagged, strict=True):
        group = np.arange(len(marked))
        assert bound_of(~marked, scans[1], group) <= share


def test_a_promise_out_of_reach_says_which_is_not():
    scans = validation()
    with pytest.raises(UsageError, match=r"at most 0\.5% among the unflagged cannot be promised from 150") as caught:
        fit_thresholds(*scans, Target("error", 0.005))
    best = float(caught.value.hint.split()[1].rstrip(","))
    assert caught.value.hint.startswith("--flag-error")
    assert fit_thresholds(*scans, Target("error", best)).bound <= best
    with pytest.raises(UsageError):
        fit_thresholds(*scans, Target("error", best - 0.005))


def test_a_promise_that_so_few_patients_cannot_prove_is_refused_without_answers():
    check_reachable(Target("error", 0.02), [str(n) for n in range(150)])
    check_reachable(Target("rate", 0.01), ["one"])
    with pytest.raises(UsageError, match=r"from 20 patients, even if no answer were wrong .*13\.9%") as caught:
        check_reachable(Target("error", 0.02), [str(n) for n in range(20)] * 5)
    share = float(caught.value.hint.split()[1])
    check_reachable(Target("error", share), [str(n) for n in range(20)])


def test_scans_of_one_patient_are_one_piece_of_evidence():
    kept, wrong = np.ones(200, bool), np.arange(200) < 4
    alone, patients = bound_of(kept, wrong, np.arange(200)), bound_of(kept, wrong, np.arange(200) // 20)
    assert alone == pytest.approx(0.0453, abs=1e-3)  # exact tables: 4 of 200
    assert patients == pytest.approx(0.3942, abs=1e-3)  # 1 of 10


# Distance of features


def test_training_scans_lie_near_and_others_far():
    rng = np.random.default_rng(0)
    mixing = rng.uniform(0, 1, (5, 64))
    train, alike = (rng.uniform(0.5, 1.5, (300, 5)) @ mixing + rng.normal(0, 0.1, (300, 64)) for _ in range(2))
    other = rng.uniform(0.5, 1.5, (300, 5)) @ rng.uniform(0, 1, (5, 64))
    statistics = fit_statistics(train.astype(np.float32))
    assert (statistics.shape, statistics.dtype) == ((18, 64), np.float16)
    fitted = FeatureDistance(statistics)
    near, held_out, far = (fitted.distance(x.astype(np.float32)) for x in (train, alike, other))
    assert near.mean() == pytest.approx(1, abs=0.1)
    assert held_out.mean() == pytest.approx(1, abs=0.15)
    assert far.min() > held_out.max()


def test_few_scans_make_fewer_directions():
    assert len(fit_statistics(np.random.default_rng(0).uniform(0, 1, (5, 64)).astype(np.float32))) == 2 + 2
    same = np.ones((5, 64), np.float32)
    assert np.isfinite(FeatureDistance(fit_statistics(same)).distance(same)).all()


# Profile


@pytest.mark.parametrize("name", ["score", "confidence", "disagreement", "distance"])
def test_every_scan_is_in_one_bin_and_the_tails_have_room(name):
    values = np.random.default_rng(0).beta(8, 2, 100)
    found = histogram(values, edges_of(name, values))
    assert sum(found.counts) == 100
    assert sum(histogram(np.array([-5.0, 99.0]), np.array(found.edges)).counts) == 2
    assert found.edges[-1] >= 1
    if name == "distance":
        assert found.edges[-1] > 2 * values.max()
        assert found.counts[-3:] == (0, 0, 0)


def test_profile_of_equal_distances():
    same = np.full(4, 1.5)
    assert sum(histogram(same, edges_of("distance", same)).counts) == 4


# A bundle


@pytest.fixture(scope="module")
def decisions(exported):
    samples = read_folders([exported.data]).of("val").samples
    scans = [read(sample.path).pixels for sample in samples]
    batch = np.concatenate([preprocess(pixels, exported.manifest.preprocess) for pixels in scans])
    with Ensemble.load(exported.out, precision="int8-cpu", threads=1) as ensemble:
        return [vote.decision for vote in ensemble.vote(batch, scans)]


def test_bedside_flags_and_measures_as_the_export_said(exported, decisions):
    thresholds, profile = exported.manifest.flags["int8-cpu"], exported.manifest.profile["int8-cpu"]
    flags = [{flag.name for flag in decision.flags} for decision in decisions]
    assert np.mean([bool(found & set(FITTED)) for found in flags]) == thresholds.rate
    assert profile.flags == {name: sum(name in found for found in flags) for name in NAMES}
    assert sum(profile.labels.values()) == profile.scans == len(decisions)
    for name, counted in profile.measures.items():
        values = np.array([decision.measures[name] for decision in decisions])
        assert histogram(values, np.array(counted.edges)).counts == counted.counts, name
    assert set(profile.measures) == set(decisions[0].measures) == {"score", "confidence", "disagreement", "distance"}


def test_every_precision_has_its_own_thresholds(exported):
    flags = exported.manifest.flags
    assert flags.keys() == set(exported.manifest.precisions) == exported.manifest.profile.keys()
    assert {thresholds.target for thresholds in flags.values()} == {"rate=0.1"}
    assert flags["fp32"].feature_distance != flags["int8-cpu"].feature_distance
    assert set(exported.manifest.stages[0]) == {"resnet18", "googlenet"}
    for thresholds in flags.values():
        assert thresholds.feature_distance.member == "resnet18"  # 512 features, not 1024
        assert thresholds.feature_distance.statistics.bytes < 40_000
        assert 0 <= thresholds.error <= thresholds.error_bound <= 1
    assert any(line.startswith("flags int8-cpu: rate=0.1; the flags mark ") for line in exported.talk)
    assert exported.manifest.border_only.scans == exported.manifest.evaluation["int8-cpu"].scans
    assert exported.manifest.border_only.figures["auroc"] != exported.manifest.evaluation["int8-cpu"].figures["auroc"]


def test_what_is_no_ct_is_flagged(exported):
    strangers = [draw(0) for draw in FOREIGN.values()] + [chest_xray(0, size=384)]
    with Ensemble.load(exported.out, precision="fp32", threads=1) as ensemble:
        found = [{flag.name for flag in ensemble.predict(pixels).decision.flags} for pixels in strangers]
        assert all(found), found
        ct = chest_ct(99, size=96)
        assert "inverted" in {flag.name for flag in ensemble.predict(255 - ct).decision.flags}
        assert not {"inverted", "out-of-distribution"} & {flag.name for flag in ensemble.predict(ct).decision.flags}


def test_mean_scan_is_that_of_the_training_split(exported):
    typical = Bundle(exported.out).read_array(exported.manifest.flags["fp32"].typical)
    assert (typical.shape, typical.dtype, typical.min(), typical.max()) == ((32, 32), np.uint8, 0, 255)
    assert np.corrcoef(typical.ravel(), preprocess_small(chest_ct(99, size=96)).ravel())[0, 1] > 0.7


def preprocess_small(pixels):
    import cv2

    return cv2.resize(pixels, (32, 32), interpolation=cv2.INTER_AREA)


# The command


def test_rate_and_error_exclude_each_other(exported, tmp_path, capsys):
    arguments = ("export", exported.run.folder, exported.data, "--out", tmp_path / "out")
    answered = edge_run(capsys, *arguments, "--flag-rate", "0.1", "--flag-error", "0.02")
    assert answered.code == 2
    assert "not both" in answered.err
    answered = edge_run(capsys, *arguments, "--flag-rate", "1.5")
    assert answered.code == 2
    assert "rate=1.5 is no share between 0 and 1" in answered.err
