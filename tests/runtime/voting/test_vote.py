from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_run import Ensemble
from edge_run.bundle.bundle import Bundle
from edge_run.ensemble.decision import MemberOutput, decision_of
from edge_run.flags import FirstStageFlags, Flagger
from edge_run.voting.vote import decide, softmax, vote
from toy import WIDTH, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.voting.prediction import Decision


def test_softmax_by_hand() -> None:
    assert softmax([0.0, math.log(3)]) == pytest.approx([0.25, 0.75])
    assert softmax([0.0, math.log(9)], temperature=2) == pytest.approx([0.25, 0.75])


def test_softmax_of_any_shape_sums_to_one_per_row() -> None:
    found = softmax(np.random.default_rng(0).normal(0, 10, (4, 5, 3)).astype(np.float32), 0.7)
    assert (found.shape, found.dtype) == ((4, 5, 3), np.float64)
    assert found.sum(-1) == pytest.approx(np.ones((4, 5)))


def test_softmax_of_large_logits_does_not_overflow() -> None:
    assert softmax([10_000.0, 0.0, -10_000.0]).tolist() == [1, 0, 0]


def test_softmax_depends_on_differences_alone() -> None:
    assert softmax([1.0, 2.0, 4.0]) == pytest.approx(softmax([101.0, 102.0, 104.0]))


def test_higher_temperature_is_less_sure_and_keeps_the_order() -> None:
    sure, unsure = softmax([1.0, 2.0, 4.0], 0.5), softmax([1.0, 2.0, 4.0], 5)
    assert unsure.max() < sure.max()
    assert list(np.argsort(unsure)) == list(np.argsort(sure))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_softmax_refuses_what_is_not_finite(bad: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        softmax([0.0, bad])


def test_vote_by_hand() -> None:
    members = [[0.9, 0.1], [0.2, 0.8]]
    assert vote(members, [0.75, 0.25]) == pytest.approx([0.725, 0.275])
    assert vote(members, [3, 1]) == pytest.approx([0.725, 0.275])


def test_vote_of_many_scans_is_that_of_each() -> None:
    members = softmax(np.random.default_rng(1).normal(0, 2, (3, 7, 4)))
    weights = [0.5, 0.3, 0.2]
    for n, voted in enumerate(vote(members, weights)):
        assert voted == pytest.approx(vote(members[:, n], weights))


def test_member_of_no_weight_does_not_count() -> None:
    assert vote([[0.9, 0.1], [0.2, 0.8]], [1, 0]).tolist() == [0.9, 0.1]


@pytest.mark.parametrize("weights", [[0, 0], [1.5, -0.5]])
def test_vote_refuses_such_weights(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="must not be negative, and not all zero"):
        vote([[0.5, 0.5], [0.5, 0.5]], weights)


@pytest.mark.parametrize(
    ("p", "positive", "threshold", "index"),
    [
        ([0.3, 0.7], 0, 0.3, 0),  # at the threshold is positive
        ([0.3, 0.7], 0, 0.31, 1),
        ([0.3, 0.7], 1, 0.7, 1),
        ([0.3, 0.7], 1, 0.71, 0),
        ([0.3, 0.7], 0, None, 1),
        ([0.5, 0.5], 1, None, 0),  # the first of equals
        ([0.2, 0.3, 0.5], 0, 0.1, 2),  # a threshold speaks of two classes
    ],
)
def test_decide(p: list[float], positive: int, threshold: float | None, index: int) -> None:
    assert int(decide(p, positive=positive, threshold=threshold)) == index


def test_decide_for_many_scans() -> None:
    found = decide([[[0.1, 0.9], [0.6, 0.4]]], positive=0, threshold=0.5)
    assert (found.tolist(), found.dtype) == ([[1, 0]], np.int64)


# From the members' probabilities to the decision


def decided(folder: Path, members: Any, **changes: Any) -> Decision:
    """What a toy bundle decides from its two members' probabilities."""

    def mutate(plain: dict[str, Any]) -> None:
        for at, value in changes.items():
            if at == "low_confidence":
                plain["flags"]["fp32"][at] = value
            else:
                plain["task"][at] = value

    bundle = Bundle(write_toy_bundle(folder / "toy", members=2, mutate=mutate))
    features = np.zeros((WIDTH, 4, 4), np.float32)
    outputs = {
        m: MemberOutput(np.log(np.array(p, np.float32)), np.array(p, np.float64), features)
        for m, p in enumerate(members)
    }
    found = decision_of(bundle.manifest, Flagger(bundle, "fp32"), outputs, FirstStageFlags((), {}))
    assert found is not None
    return found


def test_decision_names_what_was_voted(tmp_path: Path) -> None:
    decision = decided(tmp_path, [[0.9, 0.1], [0.2, 0.8]])
    assert decision.label == "covid"
    assert decision.probability == decision.probabilities["covid"] == pytest.approx((2 * 0.9 + 0.2) / 3)
    assert sum(decision.probabilities.values()) == pytest.approx(1)
    assert [(m.id, m.probabilities) for m in decision.members] == [
        ("resnet18", {"covid": 0.9, "non_covid": 0.1}),
        ("googlenet", {"covid": 0.2, "non_covid": 0.8}),
    ]
    assert [(m.label, m.probability) for m in decision.members] == [("covid", 0.9), ("non_covid", 0.8)]
    assert decision.members[0].logits == pytest.approx((math.log(0.9), math.log(0.1)))
    assert (decision.interval, decision.flags) == (None, ())
    assert decision.measures == {"score": decision.probability, "confidence": decision.probability}


def test_label_follows_the_threshold_and_probability_the_label(tmp_path: Path) -> None:
    decision = decided(tmp_path, [[0.9, 0.1], [0.9, 0.1]], threshold=0.95)
    assert (decision.label, decision.probability) == ("non_covid", pytest.approx(0.1))
    assert decision.measures == pytest.approx({"score": 0.9, "confidence": 0.9})


def test_positive_class_may_stand_second(tmp_path: Path) -> None:
    assert decided(tmp_path, [[0.9, 0.1]] * 2, positive="non_covid", threshold=0.05).label == "non_covid"


@pytest.mark.parametrize(("p", "flagged"), [(0.79, True), (0.8, False), (0.81, False), (0.19, False), (0.21, True)])
def test_flagged_below_the_threshold_of_confidence(tmp_path: Path, p: float, flagged: bool) -> None:
    flags = decided(tmp_path, np.array([[p, 1 - p]] * 2) + 1e-12, low_confidence=0.8).flags
    assert [flag.name for flag in flags] == ["low-confidence"] * flagged
    for flag in flags:
        assert flag.reason == "the vote is 79% sure, less than the 80% that is asked for"


@pytest.mark.parametrize(("precision", "first", "second"), [("fp32", 1.0, 1.25), ("int8-cpu", 2.0, 2.0)])
def test_each_member_has_its_own_temperature(tmp_path: Path, precision: str, first: float, second: float) -> None:
    with Ensemble.load(write_toy_bundle(tmp_path / "toy", members=2), precision=precision) as loaded:
        for member, temperature in zip(loaded.predict(scan()).decision.members, (first, second), strict=True):
            assert list(member.probabilities.values()) == pytest.approx(softmax(member.logits, temperature))
