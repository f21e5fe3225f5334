"""Which scans set the INT8 ranges."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from edge_export.scans.calibration import choose_scans
from edge_train.data.dataset import Sample


def samples(**groups):
    """Training scans: ``covid=(3, 1)`` are two patients with three scans and one."""
    return [
        Sample(Path(f"{label}-{patient}-{scan}"), f"{label}-{patient}-{scan}", label, "train", f"{label}-{patient}")
        for label, counts in groups.items()
        for patient, count in enumerate(counts)
        for scan in range(count)
    ]


def count(given, chosen, what):
    return Counter(getattr(given[position], what) for position in chosen)


def test_classes_take_turns_however_frequent():
    given = samples(covid=[1] * 100, non_covid=[1] * 10, other=[1] * 10)
    assert count(given, choose_scans(given, 30), "label") == {"covid": 10, "non_covid": 10, "other": 10}
    assert count(given, choose_scans(given, 40), "label") == {"covid": 20, "non_covid": 10, "other": 10}


def test_patients_take_turns_however_many_scans_they_have():
    given = samples(covid=[100, 3, 3, 3])
    assert set(count(given, choose_scans(given, 4), "group").values()) == {1}
    assert sorted(count(given, choose_scans(given, 12), "group").values()) == [3, 3, 3, 3]


@pytest.mark.parametrize("asked", [0, 1, 7, 12, 100])
def test_as_many_as_asked_or_there_are_each_once(asked):
    given = samples(covid=[3, 3], non_covid=[6])
    chosen = choose_scans(given, asked)
    assert len(chosen) == len(set(chosen)) == min(asked, 12)
    assert chosen == sorted(chosen)
    assert all(isinstance(position, int) for position in chosen)


def test_choice_is_the_seed_s():
    given = samples(covid=[2] * 20, non_covid=[2] * 20)
    assert choose_scans(given, 10, seed=1) == choose_scans(given, 10, seed=1)
    assert len({tuple(choose_scans(given, 10, seed=seed)) for seed in range(5)}) > 1
