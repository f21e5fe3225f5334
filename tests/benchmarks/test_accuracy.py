"""The accuracy benchmark: its splits, its file of rows, its order of work, and one training of a second."""

from __future__ import annotations

import os
from collections import defaultdict

import msgspec
import pytest

from accuracy_rows import SETTING, fake, trial
from benchmarks.accuracy import __main__ as benchmark
from benchmarks.accuracy import protocols
from benchmarks.accuracy import rows as store
from benchmarks.accuracy import trial as trials
from edge_run.errors import DataError, UsageError
from edge_train.data.dataset import read_folders
from edge_train.data.tables import Row as Scan
from edge_train.data.tables import read_splits
from samples.dataset import write_dataset

CPU = {"accelerator": "cpu", "devices": 1}


# Splits


@pytest.fixture
def published_rows():
    """Two scans to a patient, ten patients per label and split."""
    return [
        Scan(f"{label}/{split}-{i}.png", label, split, f"{label}-{split}-{i // 2}")
        for label in ("covid", "non_covid")
        for split in ("train", "val", "test")
        for i in range(20)
    ]


def homes(rows, group_of):
    found = defaultdict(set)
    for row in rows:
        found[group_of[row.path]].add(row.split)
    return found


def test_leaky_split_tears_patients_apart_and_the_other_does_not(published_rows):
    patient = {row.path: row.group for row in published_rows}
    leaky = protocols.rows_of("leaky", published_rows, seed=0)
    torn = [group for group, splits in homes(leaky, patient).items() if len(splits) > 1]
    assert len(torn) > 10
    assert protocols.rows_of("patient-disjoint", published_rows, seed=0) == published_rows


def test_leaky_split_is_stratified_and_follows_the_seed(published_rows):
    first, again, other = (protocols.rows_of("leaky", published_rows, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    for label in ("covid", "non_covid"):
        counts = [sum(row.label == label and row.split == split for row in first) for split in ("train", "val", "test")]
        assert counts == [42, 9, 9]


def test_a_set_without_test_scans_is_tested_on_its_val_and_chooses_on_training_patients(published_rows):
    rows = [row for row in published_rows if row.split != "test"]
    split = protocols.rows_of("patient-disjoint", rows, seed=0)
    assert split == protocols.rows_of("patient-disjoint", rows, seed=1)
    before = {row.path: row.split for row in rows}
    assert {row.path for row in split if row.split == "test"} == {path for path, old in before.items() if old == "val"}
    assert 8 <= sum(row.split == "val" for row in split) <= 12
    assert all(len(splits) == 1 for splits in homes(split, {row.path: row.group for row in rows}).values())


def test_unknown_protocol_is_refused(published_rows):
    with pytest.raises(UsageError, match="no protocol is called 'loose'"):
        protocols.rows_of("loose", published_rows, seed=0)


def test_linked_folder_is_read_as_the_protocol_says(tmp_path):
    data = write_dataset(tmp_path / "covid-ct", per_split={"train": 8, "val": 4}, size=16)
    linked = protocols.link("leaky", data, 0, tmp_path / "linked" / "covid-ct")
    dataset = read_folders([linked])
    assert len(dataset.samples) == len(read_splits(data / "splits.csv"))
    assert {sample.split for sample in dataset.samples} == {"train", "val", "test"}
    assert all((linked / row.path).resolve() == data / row.path for row in read_splits(linked / "splits.csv"))


# The file of rows


def test_rows_come_back_and_equal_trials_are_read_once(tmp_path):
    file = tmp_path / "results" / "accuracy.jsonl"
    rows = [fake(0.7), fake(0.9, seed=1)]
    for row in (*rows, fake(0.1)):
        store.append(file, row)
    assert store.read([file, tmp_path / "missing.jsonl"]) == rows


def test_a_line_cut_short_by_a_kill_is_left_out_and_then_replaced(tmp_path):
    file = tmp_path / "accuracy.jsonl"
    store.append(file, fake(0.7))
    whole = file.read_bytes()
    file.write_bytes(whole + whole[: len(whole) // 2])
    assert store.read([file]) == [fake(0.7)]
    store.append(file, fake(0.9, seed=1))
    assert file.read_bytes() == whole + msgspec.json.encode(fake(0.9, seed=1)) + b"\n"


def test_any_other_damage_is_named_by_its_line_and_kept(tmp_path):
    file = tmp_path / "accuracy.jsonl"
    store.append(file, fake())
    damaged = file.read_bytes() + b'{"trial": 3}\n'
    file.write_bytes(damaged)
    with pytest.raises(DataError, match="line 2 is no row"):
        store.append(file, fake(seed=1))
    assert file.read_bytes() == damaged


# The order of work


def test_one_seed_of_everything_comes_before_the_next():
    plan = benchmark.planned(
        [0, 1], list(protocols.DATASETS), list(protocols.PROTOCOLS), ["ce", "os"], source=True, **SETTING
    )
    assert [one.seed for one in plan] == [0] * 14 + [1] * 14
    staged = [one for one in plan if one.source]
    assert {(one.dataset, one.protocol, one.source) for one in staged} == {
        ("covid-ct", "patient-disjoint", "sars-cov-2-ct")
    }
    assert len(set(plan)) == len(plan)
    assert len({trials.name_of(one) for one in plan}) == len(plan)


def test_a_row_that_is_there_is_not_trained_and_a_new_one_is_kept_before_its_folder_goes(tmp_path, monkeypatch):
    results, work, asked = tmp_path / "rows.jsonl", tmp_path / "work", []
    store.append(results, fake())

    def run_trial(one, _data, work, *_, **__):
        asked.append(one)
        (work / trials.name_of(one)).mkdir(parents=True)
        return fake(seed=one.seed)

    monkeypatch.setattr(trials, "run_trial", run_trial)
    benchmark.train_missing([trial(), trial(seed=1)], tmp_path, work, "none", results)
    assert asked == [trial(seed=1)]
    assert store.read([results]) == [fake(), fake(seed=1)]
    assert not list(work.iterdir())


def test_an_unknown_set_is_refused():
    with pytest.raises(UsageError, match="unknown: ct"):
        benchmark._chosen(["ct"], protocols.DATASETS)


# One training


@pytest.mark.usefixtures("one_thread")
def test_a_trial_killed_before_it_began_trains_measures_and_leaves_nothing(scratch, monkeypatch):
    data, work = scratch / "data", scratch / "work"
    write_dataset(data / "covid-ct", per_split={"train": 8, "val": 4}, size=32)
    of = trial(arm="os")
    (work / trials.name_of(of)).mkdir(parents=True)
    (work / trials.name_of(of) / ".request.json.partial").write_text("{")
    row = trials.run_trial(of, data, work, "none", hardware=CPU)
    assert row.trial == of
    assert row.config["orthogonal_spheres"]["weight"] == trials.ARMS["os"].weight > 0
    assert {split: sum(counts.values()) for split, counts in row.scans.items()} == {"train": 12, "val": 4, "test": 8}
    assert row.test["resnet18"] == row.test["ensemble"]
    assert row.uncalibrated["resnet18"]["accuracy"] == row.test["resnet18"]["accuracy"]
    assert row.seconds > 0
    monkeypatch.delattr("edge_train.fit.train_member.fit")
    resumed = trials.run_trial(of, data, work, "none", hardware=CPU)
    assert resumed.seconds is None
    assert (resumed.test, resumed.uncalibrated) == (row.test, row.uncalibrated)
    trials.forget(of, work)
    assert [path for path, _, files in os.walk(work) if files] == []


def test_arms_differ_in_the_spheres_alone():
    ce, os_ = (trials.config_of(trial(arm=arm), "none") for arm in ("ce", "os"))
    assert ce.orthogonal_spheres.weight == 0
    assert msgspec.structs.replace(os_, orthogonal_spheres=ce.orthogonal_spheres) == ce
