"""Each figure of trust is good for a map that is right, bad for one that is wrong, and warned of where it is bad."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from edge_explain.explanation import Curve, MapParity
from edge_explain.methods.compiled import probability_of
from edge_explain.methods.gradcam import grad_cam
from edge_explain.trust import (
    Baseline,
    agreement,
    body,
    deletion,
    evidence_location,
    infidelity,
    insertion,
    random_baseline,
    randomisation,
    rank_correlation,
    sensitivity,
    shuffled,
)
from edge_explain.trust import trust_warnings as warn
from samples.draw import chest_ct
from striped_square import SIZE, SQUARE

PLACES = SIZE // 8


@pytest.fixture(scope="module")
def answer(planted):
    return probability_of(planted.ensemble, 0)


@pytest.fixture(scope="module")
def map_(planted):
    return grad_cam(planted.originals.member("resnet18"), planted.scan, 0)


@pytest.fixture(scope="module")
def baseline(planted, answer):
    return random_baseline(answer, planted.scan, rankings=4, steps=7)


def test_curves_of_the_right_map_beat_chance(planted, answer, map_, baseline):
    found = insertion(answer, planted.scan, map_, baseline, steps=7)
    taken = deletion(answer, planted.scan, map_, baseline, steps=7)
    assert found.area > baseline.areas.max()
    assert taken.area < baseline.areas.min()
    assert found.probabilities[0] == taken.probabilities[-1] < 0.3
    assert found.probabilities[-1] == taken.probabilities[0] > 0.9
    assert not warn.curve_warnings(found, taken)


def test_curves_of_the_opposite_map_are_worse_than_chance(planted, answer, map_, baseline):
    found = insertion(answer, planted.scan, -map_, baseline, steps=7)
    taken = deletion(answer, planted.scan, -map_, baseline, steps=7)
    assert found.area < found.random_area
    assert taken.area > taken.random_area
    assert len(warn.curve_warnings(found, taken)) == 2


def test_curve_puts_in_the_most_important_patch_first(planted):
    map_ = np.zeros((PLACES, PLACES), np.float32)
    map_[2:4, 5:7] = 1
    shown = []

    def share_of_square_shown(scans):
        shown.extend((scans[(slice(None), *SQUARE)] == planted.scan[SQUARE]).mean((1, 2)))
        return np.linspace(0, 1, len(scans))

    curve = insertion(share_of_square_shown, planted.scan, map_, Baseline(np.array([0.4, 0.6])), steps=14)
    assert shown[0] < 0.1
    assert shown[2] == 1
    assert (curve.area, curve.random_area) == (pytest.approx(0.5), pytest.approx(0.5))
    assert curve.random_deviation == pytest.approx(0.1 * 2**0.5)
    assert curve.shares[:2] == (0.0, pytest.approx(1 / 14))


def test_random_baseline_depends_on_the_seed_alone(planted, answer, baseline):
    again = random_baseline(answer, planted.scan, rankings=4, steps=7)
    assert again.areas.tolist() == baseline.areas.tolist()
    assert random_baseline(answer, planted.scan, rankings=4, steps=7, seed=1).areas.tolist() != baseline.areas.tolist()


def test_curves_say_little_where_blur_changes_nothing():
    flat = Curve((0.0, 0.5, 1.0), (0.9, 0.92, 0.95), 0.92, 0.92, 0.0)
    (warning,) = warn.curve_warnings(flat, flat)
    assert "hardly changes" in warning
    # The ends alone say nothing: a part may decide where the whole does not.
    bent = Curve((0.0, 0.5, 1.0), (0.9, 0.3, 0.95), 0.6, 0.9, 0.0)
    assert not warn.curve_warnings(Curve((0.0, 0.5, 1.0), (0.95, 0.99, 0.9), 0.95, 0.9, 0.0), bent)


def test_infidelity_prefers_the_right_map(planted, map_):
    member = planted.originals.member("resnet18")

    def ask(values, **options):
        return infidelity(member, planted.scan, values, 0, **{"temperature": 1.0, "samples": 24, **options})

    moved = np.roll(map_, (4, 3), axis=(0, 1))
    assert ask(map_) < 0.5 * ask(moved)
    assert ask(map_ * 7) == pytest.approx(ask(map_), rel=1e-3)
    assert ask(map_, temperature=2.0) == pytest.approx(ask(map_) / 4, rel=1e-3)
    assert ask(map_, seed=1) != ask(map_)


def test_sensitivity_is_small_for_a_steady_network(planted):
    member = planted.originals.member("resnet18")
    found = sensitivity(member, planted.scan, 0)
    assert 0 < found < 0.2
    assert sensitivity(member, planted.scan, 0) == found
    # Without the square there is next to nothing to see, and noise is all the map.
    assert sensitivity(member, planted.without, 0) > found


def test_shuffled_network_keeps_its_weights_in_another_order(planted):
    member = planted.originals.member("resnet18")
    before = {name: value.clone() for name, value in member.state_dict().items()}
    others = [shuffled(member, seed).state_dict() for seed in range(3)]
    for name, value in member.state_dict().items():
        assert torch.equal(value, before[name])
        assert all(torch.equal(other[name].flatten().sort()[0], value.flatten().sort()[0]) for other in others)
        assert all(torch.equal(other[name], value) for other in others) == (value.dim() < 2)


def test_randomisation_tells_whether_weights_matter(planted, map_, monkeypatch):
    member = planted.originals.member("resnet18")
    assert randomisation(member, planted.scan, map_, 0, times=3) < 0.5
    monkeypatch.setattr("edge_explain.trust.parameter_randomisation.shuffled", lambda member, _seed: member)
    assert randomisation(member, planted.scan, map_, 0) == pytest.approx(1)


def test_rank_correlation_is_spearmans():
    from scipy.stats import spearmanr

    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 9, (2, 6, 5)).astype(np.float32)
    assert rank_correlation(a, b) == pytest.approx(spearmanr(a.ravel(), b.ravel()).statistic)
    assert rank_correlation(a, a) == pytest.approx(1)
    assert rank_correlation(a, -a) == pytest.approx(-1)
    assert rank_correlation(a, np.zeros_like(a)) == 0


def test_agreement_names_each_pair():
    a = np.arange(4, dtype=np.float32).reshape(2, 2)
    found = agreement({"x": a, "y": a, "z": -a})
    assert found == {"x, y": pytest.approx(1), "x, z": pytest.approx(-1), "y, z": pytest.approx(-1)}


def disc(*, lungs: bool = True, table: bool = False) -> np.ndarray:
    """A body in air, ``[128, 128] uint8``."""
    y, x = np.mgrid[:128, :128] - 63.5
    scan = np.where(x**2 + y**2 < 45**2, 200, 4)
    if lungs:
        scan[(abs(x) - 20) ** 2 + y**2 < 13**2] = 10
    if table:
        scan[118:121, 20:108] = 150
    return (scan + np.random.default_rng(0).integers(0, 4, scan.shape)).astype(np.uint8)


@pytest.mark.parametrize("table", [False, True])
def test_body_is_the_disc_with_its_lungs(table):
    inside = body(disc(table=table))
    y, x = np.mgrid[:128, :128] - 63.5
    assert (inside != (x**2 + y**2 < 45**2)).mean() < 0.02


def test_body_of_a_phantom_holds_what_it_holds():
    scan = chest_ct(0, 128)
    inside = body(scan)
    assert inside[64, 64]
    assert 0.3 < inside.mean() <= 1


@pytest.mark.parametrize("grey", [0, 90, 255])
def test_body_fills_an_even_frame(grey):
    assert body(np.full((64, 64), grey, np.uint8)).all()


@pytest.mark.parametrize("place", [np.s_[40:90, 90:], np.s_[:30, 40:90], np.s_[100:, 40:90]])
def test_lung_that_the_frame_cuts_is_no_outside(place):
    scan = np.full((128, 128), 180, np.uint8)
    scan[place] = 8
    assert body(scan).all()


def test_shares_are_those_of_the_positive_part():
    inside = np.zeros((100, 100), bool)
    inside[:, 50:] = True
    map_ = np.zeros((100, 100), np.float32)
    map_[20:30, 20:30], map_[50:60, 60:70], map_[70:80, 20:30], map_[:5, 80:90] = 1, 2, -9, 1
    found = evidence_location(map_, inside)
    assert found.outside_body == pytest.approx(100 / 350)
    assert found.border == pytest.approx(50 / 350)
    assert evidence_location(-np.ones((7, 7), np.float32), inside) == (0, 0)


def test_even_evidence_has_the_borders_share():
    found = evidence_location(np.ones((7, 7), np.float32), np.ones((200, 200), bool))
    assert found.outside_body == 0
    assert found.border == pytest.approx(warn.BORDER)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (warn.location_warnings(0.3, 0.1), ["30% of the evidence lies outside the body"]),
        (warn.location_warnings(0.1, 0.5), ["50% of the evidence lies on the outer border"]),
        (warn.location_warnings(0.2, 0.36), []),
        (warn.randomisation_warnings({"a": 0.6, "b": 0.9, "c": 0.4}), ["The map of a and b hardly changes"]),
        (warn.randomisation_warnings({"a": 0.6, "b": 0.9, "c": 0.7}), ["The map of a, b and c hardly"]),
        (warn.randomisation_warnings({"a": 0.5}), []),
        (warn.agreement_warnings({"a, b": -0.1, "a, c": 0.0}), ["mark different places: a, b."]),
        (warn.originals_warnings("x", "y", {}), ["The originals answer y, the compiled ensemble x"]),
        (warn.originals_warnings("x", "x", {"a": MapParity(0.8, 0.1)}), ["The compiled map of a differs"]),
        (warn.originals_warnings("x", "x", {"a": MapParity(0.9, 0.1)}), []),
    ],
)
def test_warnings_name_what_is_wrong(found, words):
    assert len(found) == len(words)
    assert all(word in warning for word, warning in zip(words, found, strict=True))
