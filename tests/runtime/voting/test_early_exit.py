"""What an unfinished vote is sure of must hold whatever the missing members say."""

from __future__ import annotations

import numpy as np
import pytest

from edge_run.voting.early_exit import MARGIN, Bounds, bounds, certain_class, certain_confidence
from edge_run.voting.vote import decide, vote

CASES = 400


def random_case(seed: int) -> tuple[np.ndarray, np.ndarray, int, float | None]:
    """Members' probabilities, sharp and flat ones mixed, their weights, how many answered, and the threshold."""
    rng = np.random.default_rng(seed)
    members, classes = int(rng.integers(2, 6)), int(rng.integers(2, 5))
    weights = rng.dirichlet(np.full(members, rng.choice([0.2, 1.0, 5.0])))
    p = rng.dirichlet(np.full(classes, rng.choice([0.05, 0.5, 3.0])), size=members)
    threshold = float(rng.uniform(0.05, 0.95)) if classes == 2 and rng.random() < 0.7 else None
    return p, weights, int(rng.integers(1, members)), threshold


def endings(p: np.ndarray, answered: int, seed: int) -> list[np.ndarray]:
    """Ways in which the missing members could answer: as they did, all for one class, and at random."""
    rng = np.random.default_rng(seed)
    missing, classes = len(p) - answered, p.shape[1]
    one_sided = [np.tile(np.eye(classes)[c], (missing, 1)) for c in range(classes)]
    drawn = [rng.dirichlet(np.full(classes, 0.3), size=missing) for _ in range(4)]
    return [np.concatenate([p[:answered], rest]) for rest in (p[answered:], *one_sided, *drawn)]


@pytest.mark.parametrize("positive", [0, 1])
def test_a_certain_class_is_that_of_every_ending(positive: int) -> None:
    certain = 0
    for seed in range(CASES):
        p, weights, answered, threshold = random_case(seed)
        within = bounds(p[:answered], weights[:answered])
        found = certain_class(within, positive=positive, threshold=threshold)
        if found is None:
            continue
        certain += 1
        for ending in endings(p, answered, seed):
            assert decide(vote(ending, weights), positive=positive, threshold=threshold) == found
    assert certain > CASES / 10


def test_what_is_not_certain_can_end_in_two_ways() -> None:
    open_ = 0
    for seed in range(CASES):
        p, weights, answered, threshold = random_case(seed)
        within = bounds(p[:answered], weights[:answered])
        if certain_class(within, positive=0, threshold=threshold) is not None:
            continue
        open_ += 1
        ends = {
            int(decide(vote(ending, weights), positive=0, threshold=threshold)) for ending in endings(p, answered, seed)
        }
        assert len(ends) > 1
    assert open_ > CASES / 10


def test_a_certain_confidence_is_that_of_every_ending() -> None:
    seen = set()
    for seed in range(CASES):
        p, weights, answered, _ = random_case(seed)
        wanted = float(np.random.default_rng(seed).uniform(0.3, 0.99))
        found = certain_confidence(bounds(p[:answered], weights[:answered]), wanted)
        seen.add(found)
        for ending in endings(p, answered, seed) if found is not None else ():
            assert (vote(ending, weights).max() >= wanted) == found
    assert seen == {True, False, None}


def test_bounds_hold_the_vote() -> None:
    for seed in range(CASES):
        p, weights, answered, _ = random_case(seed)
        low, high = bounds(p[:answered], weights[:answered])
        for ending in endings(p, answered, seed):
            voted = vote(ending, weights)
            assert (voted >= low - MARGIN).all()
            assert (voted <= high + MARGIN).all()


def test_weights_that_do_not_sum_to_one_are_shares_of_their_sum() -> None:
    one = bounds([[0.9, 0.1]], [0.5])
    two = bounds([[0.9, 0.1]], [1.0], total=2.0)
    assert one.low == pytest.approx(two.low)
    assert one.high == pytest.approx([0.95, 0.55])
    assert two.high == pytest.approx(one.high)


def test_at_the_threshold_itself_nothing_is_certain() -> None:
    at = Bounds(np.array([0.5, 0.3]), np.array([0.7, 0.5]))
    assert certain_class(at, positive=0, threshold=0.5) is None
    assert certain_class(at, positive=0, threshold=0.5 - 2 * MARGIN) == 0
    assert certain_class(at, positive=0, threshold=0.7) is None
    assert certain_class(at, positive=0, threshold=0.7 + 2 * MARGIN) == 1
    assert certain_confidence(at, 0.5) is None
    assert certain_confidence(at, 0.7 + 2 * MARGIN) is False
