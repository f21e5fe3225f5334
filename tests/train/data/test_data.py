from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_run.errors import DataError
from edge_run.scan.preprocessing import PreprocessSpec, preprocess
from edge_run.scan.read import read
from edge_train.data.dataset import Dataset, Sample, decode, read_folders, write_splits_csv

REAL = Path(__file__).parents[3].parent / "shared" / "data"


def draw(path: Path, seed: int, quality: int = 90) -> None:
    """Write a phantom: another seed, another patient; another quality, the same one re-encoded."""
    rng = np.random.default_rng(seed)
    image = cv2.resize(rng.integers(0, 255, (6, 6)).astype(np.uint8), (80, 72), interpolation=cv2.INTER_CUBIC)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())


def folder_with_table(folder: Path, rows: list[tuple[str, str, str, str]] | None = None, *, seed: int = 0) -> Path:
    if rows is None:
        rows = [
            (f"{label}/{split}.jpg", label, split, f"Patient {label} {split}")
            for split in ("train", "val", "test")
            for label in ("covid", "non_covid")
        ]
    for number, (path, *_) in enumerate(rows):
        draw(folder / path, seed + number)
    write_table(folder, rows)
    return folder


def write_table(folder: Path, rows: list[tuple[str, str, str, str]]) -> None:
    with (folder / "splits.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "label", "split", "group"), *rows])


def class_folder(folder: Path, scans: int = 20, *, copies: int = 1) -> Path:
    for index, label in enumerate(("covid", "normal")):
        for scan in range(scans):
            for copy in range(copies):
                draw(folder / label / f"{scan}-{copy}.jpg", 1000 * index + scan, quality=95 - 20 * copy)
    return folder


def refusal(*folders: Path, **options: object) -> DataError:
    with pytest.raises(DataError) as refused:
        read_folders(folders, **options)
    assert refused.value.exit_code == 2
    assert refused.value.hint
    return refused.value


# What is read


def test_a_folder_with_a_table(tmp_path):
    folder = folder_with_table(tmp_path / "covid-ct")
    dataset = read_folders([folder])
    assert dataset.labels == ("covid", "non_covid")
    assert dataset.split_source == "splits.csv"
    assert dataset.warnings == ()
    first = dataset.samples[0]
    assert first == Sample(
        path=folder / "covid/test.jpg",
        name="covid-ct/covid/test.jpg",
        label="covid",
        split="test",
        group="covid-ct/Patient covid test",
        sha256=hashlib.sha256((folder / "covid/test.jpg").read_bytes()).hexdigest(),
        folder="covid-ct",
    )
    assert [sample.name for sample in dataset.samples] == sorted(sample.name for sample in dataset.samples)


def test_targets_groups_and_parts(tmp_path):
    dataset = read_folders([folder_with_table(tmp_path / "a")])
    assert dataset.targets.dtype == np.int64
    assert dataset.targets.tolist() == [0, 0, 0, 1, 1, 1]
    val = dataset.of("val")
    assert val.groups == ["a/Patient covid val", "a/Patient non_covid val"]
    assert val.labels == dataset.labels
    with pytest.raises(ValueError, match="dev"):
        dataset.of("dev")


def test_given_labels_keep_their_order(tmp_path):
    dataset = read_folders([folder_with_table(tmp_path / "a")], labels=["non_covid", "covid"])
    assert dataset.labels == ("non_covid", "covid")
    assert dataset.targets.tolist() == [1, 1, 1, 0, 0, 0]


def test_scans_without_a_group_stand_alone_and_are_counted(tmp_path):
    rows = [(f"{label}{n}.jpg", label, split, "") for label in "ab" for n, split in enumerate(("train", "val"))]
    dataset = read_folders([folder_with_table(tmp_path / "set", rows)])
    assert dataset.groups == [f"set/{path}" for path, *_ in rows]
    assert dataset.warnings == ("set: 4 scans have no group and count as one each",)


def test_the_fingerprint_follows_what_matters_and_not_where_it_lies(tmp_path):
    dataset = read_folders([folder_with_table(tmp_path / "x" / "set")])
    elsewhere = read_folders([folder_with_table(tmp_path / "y" / "set")])
    assert dataset.fingerprint == elsewhere.fingerprint
    first, *rest = dataset.samples
    assert replace(dataset, samples=(*rest, first)).fingerprint == dataset.fingerprint
    for field in ("name", "label", "split", "group", "sha256"):
        changed = replace(dataset, samples=(replace(first, **{field: "another"}), *rest))
        assert changed.fingerprint != dataset.fingerprint, field
    draw(tmp_path / "y/set/covid/val.jpg", 99)
    assert read_folders([tmp_path / "y/set"]).fingerprint != dataset.fingerprint


# Joined folders


def test_joined_folders_keep_equal_patient_ids_apart(tmp_path):
    rows = [("c.jpg", "covid", "train", "1"), ("n.jpg", "normal", "train", "2")]
    rows += [("cv.jpg", "covid", "val", "3"), ("nv.jpg", "normal", "val", "4")]
    swapped = [(path, label, "val" if split == "train" else "train", group) for path, label, split, group in rows]
    one = folder_with_table(tmp_path / "one", rows)
    two = folder_with_table(tmp_path / "two", swapped, seed=50)
    dataset = read_folders([one, two])
    assert len(dataset.samples) == len({sample.name for sample in dataset.samples}) == 8
    assert {sample.split for sample in dataset.samples if sample.group == "one/1"} == {"train"}
    assert {sample.split for sample in dataset.samples if sample.group == "two/1"} == {"val"}
    assert dataset.split_source == "splits.csv"
    assert read_folders([two, one]).fingerprint == dataset.fingerprint


def test_folders_of_one_name_are_told_apart_by_their_parents(tmp_path):
    dataset = read_folders(
        [folder_with_table(tmp_path / "a" / "ct"), folder_with_table(tmp_path / "b" / "ct", seed=50)]
    )
    assert {sample.name.rsplit("/", 2)[0] for sample in dataset.samples} == {"a/ct", "b/ct"}


def test_sources_are_named_per_folder_where_they_differ(tmp_path):
    folder_with_table(
        tmp_path / "one",
        [(f"{label}{s}.jpg", label, s, "") for label in ("covid", "normal") for s in ("train", "val")],
    )
    class_folder(tmp_path / "two")
    dataset = read_folders([tmp_path / "one", tmp_path / "two"])
    assert dataset.split_source == "one: splits.csv; two: by near-duplicate clusters"


def test_folders_with_other_labels_are_not_joined(tmp_path):
    rows = [(f"{label}{s}.jpg", label, s, "") for label in ("covid", "healthy") for s in ("train", "val")]
    error = refusal(folder_with_table(tmp_path / "one"), folder_with_table(tmp_path / "two", rows))
    assert "one alone has non_covid; two alone has healthy" in error.message


# What is refused


def test_a_missing_folder(tmp_path):
    assert str(tmp_path / "none") in refusal(tmp_path / "none").message


def test_no_folder():
    assert "no folder" in refusal().message


def test_a_folder_given_twice(tmp_path):
    folder = folder_with_table(tmp_path / "a")
    assert "given twice" in refusal(folder, tmp_path / "a" / ".." / "a").message


def test_neither_table_nor_classes(tmp_path):
    assert "neither a splits.csv nor" in refusal(tmp_path).message


def test_a_path_out_of_the_folder_is_refused_even_when_it_is_there(tmp_path):
    draw(tmp_path / "secret.jpg", 0)
    folder = folder_with_table(tmp_path / "a")
    with (folder / "splits.csv").open("a") as file:
        file.write("../secret.jpg,covid,train,9\n")
    assert "'../secret.jpg'" in refusal(folder).message


def test_missing_files_are_listed_up_to_twenty(tmp_path):
    folder = folder_with_table(tmp_path / "a")
    with (folder / "splits.csv").open("a") as file:
        file.writelines(f"gone/{number:02}.jpg,covid,train,{number}\n" for number in range(23))
    message = refusal(folder).message
    assert "23 files" in message
    assert "gone/19.jpg" in message
    assert "gone/20.jpg" not in message
    assert "and 3 more" in message


def test_an_unknown_label(tmp_path):
    error = refusal(folder_with_table(tmp_path / "a"), labels=["covid", "normal"])
    assert "unknown labels non_covid; expected covid, normal" in error.message


def test_a_label_given_twice(tmp_path):
    assert "named twice" in refusal(folder_with_table(tmp_path / "a"), labels=["covid", "non_covid", "covid"]).message


def test_one_class_only(tmp_path):
    rows = [("1.jpg", "covid", "train", ""), ("2.jpg", "covid", "val", "")]
    assert "only one class is there: covid" in refusal(folder_with_table(tmp_path / "a", rows)).message


def test_a_required_split_that_is_not_there(tmp_path):
    rows = [(f"{label}.jpg", label, "train", "") for label in ("covid", "normal")]
    folder = folder_with_table(tmp_path / "a", rows)
    assert "no scan is in the split val" in refusal(folder).message
    assert "no scan is in the split test" in refusal(folder, required_splits=["test"]).message
    assert len(read_folders([folder], required_splits=["train"]).samples) == 2


def test_a_label_missing_from_a_split_that_is_there(tmp_path):
    rows = [(f"{label}{s}.jpg", label, s, "") for label in ("covid", "normal") for s in ("train", "val")]
    folder = folder_with_table(tmp_path / "a", [*rows, ("t.jpg", "covid", "test", "")])
    assert "test: normal" in refusal(folder).message


def test_a_given_label_that_no_scan_has(tmp_path):
    error = refusal(folder_with_table(tmp_path / "a"), labels=["covid", "non_covid", "pneumonia"])
    assert "train: pneumonia" in error.message


def test_the_same_bytes_in_two_splits_or_under_two_labels_are_a_warning(tmp_path):
    folder = folder_with_table(tmp_path / "a")
    (folder / "covid/val.jpg").write_bytes((folder / "covid/train.jpg").read_bytes())
    warnings = read_folders([folder]).warnings
    assert len(warnings) == 1
    assert "another split" in warnings[0]
    assert "a/covid/train.jpg, a/covid/val.jpg" in warnings[0]
    (folder / "covid/val.jpg").write_bytes((folder / "non_covid/val.jpg").read_bytes())
    warnings = read_folders([folder]).warnings
    assert len(warnings) == 1
    assert "another label" in warnings[0]


# The split made here


def test_near_duplicates_stand_in_one_split(tmp_path):
    dataset = read_folders([class_folder(tmp_path / "set", copies=3)])
    assert dataset.split_source == "by near-duplicate clusters"
    assert "no patients are known" in dataset.warnings[0]
    homes = defaultdict(set)
    for sample in dataset.samples:
        homes[sample.name.rsplit("-", 1)[0]].add((sample.split, sample.group))
    assert len(homes) == 40
    assert all(len(home) == 1 for home in homes.values())
    assert Counter((sample.label, sample.split) for sample in dataset.samples) == {
        (label, split): 3 * scans
        for label in ("covid", "normal")
        for split, scans in (("train", 14), ("val", 3), ("test", 3))
    }


def test_groups_csv_names_the_groups(tmp_path):
    folder = class_folder(tmp_path / "set")
    paths = [f"{label}/{scan}-0.jpg" for label in ("covid", "normal") for scan in range(20)]
    lines = [f"{path},P{number // 2}" for number, path in enumerate(paths)]
    (folder / "groups.csv").write_text("path,group\n" + "\n".join(lines))
    dataset = read_folders([folder])
    assert dataset.split_source == "by group"
    assert Counter(dataset.groups) == {f"set/P{number}": 2 for number in range(20)}
    homes = {(sample.group, sample.split) for sample in dataset.samples}
    assert len(homes) == 20


def test_the_split_follows_the_seed(tmp_path):
    folder = class_folder(tmp_path / "set")
    assert read_folders([folder], seed=1).samples == read_folders([folder], seed=1).samples
    assert read_folders([folder], seed=1).samples != read_folders([folder], seed=2).samples


def test_a_share_that_whole_groups_cannot_meet_is_a_warning(tmp_path):
    folder = class_folder(tmp_path / "set", scans=4)
    dataset = read_folders([folder])
    assert Counter(sample.split for sample in dataset.samples) == {"train": 4, "val": 2, "test": 2}
    assert any("train has 50% of the scans, not 70%" in warning for warning in dataset.warnings)


def test_too_few_groups_of_a_class_are_refused(tmp_path):
    folder = class_folder(tmp_path / "set", scans=4)
    for scan in (2, 3):
        (folder / f"normal/{scan}-0.jpg").unlink()
    assert "test: normal" in refusal(folder).message
    for scan in (2, 3):
        (folder / f"covid/{scan}-0.jpg").unlink()
    assert {sample.split for sample in read_folders([folder]).samples} == {"train", "val"}
    assert "no scan is in the split test" in refusal(folder, required_splits=["test"]).message


def test_folders_of_patients_stay_whole(tmp_path):
    folder = class_folder(tmp_path / "set")
    for label in ("covid", "normal"):
        for image in list((folder / label).iterdir()):
            patient = folder / label / f"{label}-{int(image.name.split('-')[0]) // 2}"
            patient.mkdir(exist_ok=True)
            image.rename(patient / image.name)
    dataset = read_folders([folder])
    assert dataset.split_source == "by patient folders"
    assert Counter(dataset.groups) == {f"set/{label}-{n}": 2 for label in ("covid", "normal") for n in range(10)}
    assert len({(sample.group, sample.split) for sample in dataset.samples}) == 20


def test_folders_of_a_split_are_kept(tmp_path):
    (tmp_path / "set").mkdir()
    for split in ("train", "val"):
        class_folder(tmp_path / split, scans=2).rename(tmp_path / "set" / split)
    dataset = read_folders([tmp_path / "set"])
    assert dataset.split_source == "folders train, val"
    assert all(sample.name.split("/")[1] == sample.split for sample in dataset.samples)
    assert set(dataset.folders) == {"set"}


# Writing


def test_a_split_made_here_is_found_again_when_written_beside_the_scans(tmp_path):
    folder = class_folder(tmp_path / "set", copies=2)
    made = read_folders([folder], seed=5)
    write_splits_csv(made, folder / "splits.csv")
    found = read_folders([folder], seed=6)
    assert found.samples == made.samples
    assert found.fingerprint == made.fingerprint
    assert found.split_source == "splits.csv"


def test_joined_folders_are_written_by_name_and_read_again_from_above(tmp_path):
    one, two = folder_with_table(tmp_path / "data/one"), folder_with_table(tmp_path / "data/two", seed=50)
    dataset = read_folders([one, two])
    run = tmp_path / "run"
    run.mkdir()
    write_splits_csv(dataset, run / "splits.csv")
    rows = list(csv.DictReader((run / "splits.csv").read_text().splitlines()))
    assert [(row["path"], row["label"], row["split"], row["group"]) for row in rows] == [
        (sample.name, sample.label, sample.split, sample.group) for sample in dataset.samples
    ]
    write_splits_csv(dataset, tmp_path / "data" / "splits.csv")
    assert (tmp_path / "data" / "splits.csv").read_bytes() == (run / "splits.csv").read_bytes()
    again = read_folders([tmp_path / "data"])
    assert [(s.path, s.label, s.split) for s in again.samples] == [(s.path, s.label, s.split) for s in dataset.samples]
    assert again.groups == [f"data/{group}" for group in dataset.groups]


def test_names_that_need_quotes_survive_writing(tmp_path):
    rows = [(f'{label}, "{s}" ü.jpg', label, s, f"Müller, {label} {s}") for label in "ab" for s in ("train", "val")]
    folder = folder_with_table(tmp_path / "set", rows)
    dataset = read_folders([folder])
    write_splits_csv(dataset, folder / "splits.csv")
    assert read_folders([folder]).samples == dataset.samples


# Decoding


def test_decode_gives_what_the_bedside_sees(tmp_path):
    dataset = read_folders([folder_with_table(tmp_path / "a")])
    spec = PreprocessSpec(size=64)
    calls: list[tuple[int, int]] = []
    scans = decode(dataset.samples, spec, progress=lambda done, total: calls.append((done, total)))
    assert scans.pixels.shape == (6, 64, 64)
    assert scans.pixels.dtype == np.uint8
    for sample, pixels, sha256 in zip(dataset.samples, scans.pixels, scans.sha256, strict=True):
        assert np.array_equal(pixels, preprocess(read(sample.path).pixels, spec)[0, 0])
        assert sha256 == sample.sha256
    assert calls == [(done, 6) for done in range(1, 7)]


def test_decode_names_every_unreadable_file(tmp_path):
    dataset = read_folders([folder_with_table(tmp_path / "a")])
    bad = [sample.path for sample in dataset.samples[1:5]]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(b"not an image")
    bad[2].unlink()
    bad[3].write_bytes(bad[3].read_bytes()[:-100])
    with pytest.raises(DataError) as refused:
        decode(dataset.samples, PreprocessSpec(size=32))
    head, *lines = refused.value.message.splitlines()
    assert "4 of 6 files" in head
    assert [line.strip().split(": ")[0] for line in lines] == [str(path) for path in bad]
    assert all(line.strip().split(": ", 1)[1] for line in lines)


def test_an_unreadable_file_stops_the_search_for_near_duplicates(tmp_path):
    folder = class_folder(tmp_path / "set", scans=3)
    (folder / "covid/1-0.jpg").write_bytes(b"not an image")
    assert "covid/1-0.jpg" in refusal(folder).message


def test_nothing_is_decoded_of_nothing():
    empty = Dataset(("a", "b"), (), "splits.csv")
    assert empty.targets.shape == (0,)
    assert decode(empty.samples, PreprocessSpec(size=32)).pixels.shape == (0, 32, 32)


# Real scans, where they are


@pytest.mark.skipif(not REAL.is_dir(), reason="the real scans are not here")
@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("covid-ct", {"train": 425, "val": 118}),
        ("sars-cov-2-ct", {"train": 1453, "val": 249, "test": 249}),
        ("covid-cxr", {"train": 616, "val": 114, "test": 169}),
    ],
)
def test_the_real_folders_are_read(name, counts):
    dataset = read_folders([REAL / name])
    assert Counter(sample.split for sample in dataset.samples) == counts
    assert dataset.warnings == ()
