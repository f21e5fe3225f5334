from __future__ import annotations

import numpy as np
import pytest

from edge_export.flags.stages import Point, expected_work, fit_stages, low_confidence, makespan, partitions, settled
from edge_run.voting.early_exit import bounds, certain_class, certain_confidence

ARCHS = ("small", "medium", "large", "huge")
WEIGHTS = (0.5, 0.3, 0.15, 0.05)
MACS = (2, 3, 5, 8)


def probabilities(classes: int = 2, scans: int = 200) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.full(classes, 0.3), size=(len(ARCHS), scans))


def test_every_order_is_tried_once() -> None:
    found = list(partitions((0, 1, 2, 3)))
    assert len(found) == len(set(found)) == 75  # ordered partitions of four: Fubini number
    assert all(sorted(m for stage in stages for m in stage) == [0, 1, 2, 3] for stages in found)
    assert all(len(stages[0]) >= 2 for stages in partitions((0, 1, 2, 3), first=2))


@pytest.mark.parametrize("classes", [2, 3])
def test_settled_is_what_the_bedside_finds(classes: int) -> None:
    p = probabilities(classes)
    point = Point(0, 0.4 if classes == 2 else None, 0.6)
    for answered in ([0], [0, 1], [2, 3], [0, 2, 3]):
        found = settled(p, WEIGHTS, answered, point)
        for n in range(p.shape[1]):
            within = bounds(p[answered, n], [WEIGHTS[m] for m in answered])
            label = certain_class(within, positive=0, threshold=point.threshold)
            confidence = certain_confidence(within, point.low_confidence)
            assert found[n] == (label is not None and confidence is not None)
    assert settled(p, WEIGHTS, [0, 1, 2, 3], point).all()


def test_the_chosen_order_works_least_of_all() -> None:
    p, point = probabilities(), Point(0, 0.5, 0.6)
    stages = fit_stages(ARCHS, WEIGHTS, MACS, p, point)
    chosen = tuple(tuple(ARCHS.index(arch) for arch in stage) for stage in stages)
    work = {s: expected_work(s, WEIGHTS, MACS, p, point) for s in partitions((0, 1, 2, 3), first=2)}
    assert work[chosen] == min(work.values())
    assert work[chosen] < expected_work(((0, 1, 2, 3),), WEIGHTS, MACS, p, point)


def test_a_member_without_weight_comes_last() -> None:
    stages = fit_stages(ARCHS, (0.5, 0.5, 0.0, 0.0), MACS, probabilities(), Point(0, 0.5, 0.6))
    assert stages[0] == ("small", "medium")


def test_one_member_is_one_stage() -> None:
    assert fit_stages(("small",), (1.0,), (2,), probabilities()[:1], Point(0, 0.5, 0.6)) == (("small",),)


def test_work_is_that_of_the_busier_core() -> None:
    assert makespan([8, 5, 3, 2]) == 10
    assert makespan([8]) == 8
    assert makespan([1, 1, 1, 1], workers=4) == 1


def test_low_confidence_flags_the_share_asked_for() -> None:
    p = probabilities()
    at = low_confidence(p, WEIGHTS, 0.2)
    voted = np.tensordot(WEIGHTS, p, axes=1)
    assert (voted.max(axis=1) < at).mean() == pytest.approx(0.2, abs=0.01)
