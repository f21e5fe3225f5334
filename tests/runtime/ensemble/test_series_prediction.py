"""One answer for a series, by a rule that is written down."""

from __future__ import annotations

import pytest

from edge_run.bundle.manifest import Task
from edge_run.ensemble.dicom_flags import dicom_flags, foreign_modality
from edge_run.ensemble.series import by_series, summarise
from edge_run.scan.dicom.series import Series
from edge_run.voting.prediction import Decision, Flag

TASK = Task("CT", ("covid", "other"), "covid", 0.5)


def decision(p: float, *flags: str, threshold: float = 0.5) -> Decision:
    label = "covid" if p >= threshold else "other"
    chances = {"covid": p, "other": 1 - p}
    return Decision(label, chances[label], chances, None, tuple(Flag(f, f) for f in flags), (), {"score": p})


def test_the_top_tenth_decides_and_at_least_three():
    answers = [decision(p / 100) for p in range(40)]
    answer = summarise(answers, TASK)
    assert answer.deciding == (39, 38, 37, 36)
    assert (answer.slices, answer.share_positive, answer.label) == (40, 0, "other")
    assert summarise(answers[:12], TASK).deciding == (11, 10, 9)
    assert summarise(answers[:2], TASK).deciding == (1, 0)


def test_mean_is_weighted_by_confidence():
    answer = summarise([decision(p) for p in (0.9, 0.6, 0.5, 0.1, 0.0)], TASK)
    expected = (0.9 * 0.9 + 0.6 * 0.6 + 0.5 * 0.5) / (0.9 + 0.6 + 0.5)
    assert answer.probability == pytest.approx(expected)
    assert answer.probabilities == pytest.approx({"covid": expected, "other": 1 - expected})
    assert answer.share_positive == 0.6
    assert answer.label == "covid"


def test_label_follows_the_threshold():
    answers = [decision(0.6)] * 5
    assert summarise(answers, Task("CT", TASK.labels, "covid", 0.7)).label == "other"


def test_three_labels():
    task = Task("CT", ("covid", "flu", "none"), "covid", None)
    answers = [Decision("flu", 0.5, {"covid": 0.3, "flu": 0.5, "none": 0.2}, None, (), (), {}) for _ in range(4)]
    answer = summarise(answers, task)
    assert answer.label == "flu"
    assert answer.probability == pytest.approx(0.5)


def test_slices_with_a_flag_on_the_image_stand_aside():
    answers = [decision(0.99, "out-of-distribution"), *[decision(0.2, "low-confidence")] * 4]
    answer = summarise(answers, TASK)
    assert answer.deciding == (1, 2, 3)
    assert answer.flagged == {"low-confidence": 4, "out-of-distribution": 1}
    assert [flag.name for flag in answer.flags] == ["doubtful-slices"]
    assert "3 of the 3" in answer.flags[0].reason


def test_where_all_have_one_they_decide_and_it_is_said():
    answer = summarise([decision(0.9, "blank"), decision(0.2, "blank")], TASK)
    assert answer.deciding == (0, 1)
    assert [flag.name for flag in answer.flags] == ["no-sound-slice", "few-slices", "doubtful-slices"]


def test_clean_series_has_no_flag():
    assert not summarise([decision(0.9)] * 3, TASK).flags


def test_nothing_to_summarise():
    with pytest.raises(ValueError, match="without answers"):
        summarise([], TASK)


def test_slices_lie_by_position_else_by_instance():
    places = {
        0: Series(series="a", instance=1, position=30.0),
        1: Series(series="b", instance=2),
        2: Series(series="a", instance=2, position=-10.0),
        3: Series(series="b", instance=1, frame=2),
        4: Series(series="b", instance=1, frame=1, position=99.0),
        5: Series(series="c", instance=1),
        6: Series(),
    }
    assert by_series(places) == {"a": [2, 0], "b": [4, 3, 1]}


@pytest.mark.parametrize(
    ("scan", "task", "foreign"),
    [
        ("CT", "CT", False),
        ("CR", "CT", True),
        ("CR", "DX", False),
        ("DX", "DR", False),
        ("CT", "CR", True),
        ("unknown", "CT", False),
    ],
)
def test_foreign_modality(scan, task, foreign):
    flag = foreign_modality(scan, task)
    assert (flag is not None) is foreign
    if flag:
        assert flag == Flag("other-modality", f"modality {scan}, the bundle was trained on {task}")


def test_flags_of_a_place():
    assert dicom_flags(None, "CT") == ()
    assert dicom_flags(Series(modality="CT"), "CT") == ()
    names = [flag.name for flag in dicom_flags(Series(modality="DX", localizer=True), "CT")]
    assert names == ["other-modality", "localizer"]


def test_slices_that_are_not_axial_are_flagged_for_a_bundle_of_ct():
    (flag,) = dicom_flags(Series(modality="CT", plane="coronal"), "CT")
    assert (flag.name, "coronal" in flag.reason) == ("other-plane", True)
    assert dicom_flags(Series(modality="CT", plane="axial"), "CT") == ()
    assert dicom_flags(Series(modality="DX", plane="coronal"), "DX") == ()
