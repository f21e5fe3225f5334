"""What a few scans can refute."""

from __future__ import annotations

import numpy as np
import pytest

from edge_export.gate.changes import Changes, Paired, count_changes, p_of_count, p_of_loss
from edge_export.gate.gate import judge
from edge_export.gate.precisions import RECIPES, Tolerance
from edge_export.scans.export_scans import ValidationScans
from edge_run.bundle.manifest import Parity


def parity(scans, flips, loss=0.0):
    return Parity("val", scans, 0.0, 0.0, flips, 0.9 - loss, 0.9, 0.8, 0.8, 0.95, 0.95)


def unchanged(flips, scans):
    return Changes(flips, Paired(0, 0, scans), Paired(0, 0, scans // 2))


@pytest.mark.parametrize(
    ("scans", "flips", "passed"),
    [(70, 0, True), (70, 1, True), (70, 2, False), (8, 0, True), (8, 1, False), (3000, 22, True), (3000, 30, False)],
)
def test_flips_are_refused_where_the_scans_refute_the_tolerance(scans, flips, passed):
    gate = judge(parity(scans, flips), Tolerance(flips=0.005), changes=unchanged(flips, scans))
    assert gate.passed == passed
    assert passed == (flips == 0 or p_of_count(flips, scans, 0.005) > 0.05)


def test_tolerance_of_zero_accepts_no_change():
    assert not judge(parity(70, 1), RECIPES["fp32"].vote, changes=unchanged(1, 70)).passed


def test_probabilities_of_counts_are_those_of_the_binomial():
    assert p_of_count(1, 70, 0.005) == pytest.approx(1 - 0.995**70)
    assert p_of_count(0, 70, 0.005) == 1
    # Three of three lost, where an even chance is tolerated: the sign test.
    assert p_of_loss(Paired(3, 0, 70), 0.0) == pytest.approx(1 / 8)
    assert p_of_loss(Paired(0, 0, 70), 0.0) == 1
    assert p_of_loss(Paired(5, 0, 70), 0.01) > p_of_loss(Paired(5, 0, 70), 0.0)


def test_losses_are_refused_by_the_sign_test():
    for lost, passed in ((2, True), (8, False)):
        changes = Changes(lost, Paired(lost, 0, 70), Paired(0, 0, 35))
        assert judge(parity(70, lost, lost / 70), Tolerance(), changes=changes).passed == passed


def test_changes_are_counted_in_both_directions():
    original = np.array([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])
    artefact = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
    scans = np.zeros((4, 8, 8), np.uint8)
    validation = ValidationScans("val", scans, np.array([0, 1, 1, 1]), list("abcd"), 1, 0.5)
    assert count_changes(artefact, original, validation) == Changes(2, Paired(1, 1, 4), Paired(1, 1, 3))
