from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_run.errors import DataError
from edge_train.data.duplicates import clusters, dhash, near_duplicates, thumbnail
from edge_train.data.folder_layout import class_folders, patient_folders, rows_of_splits, split_folders
from edge_train.data.samples import SPLITS
from edge_train.data.splits import assign_splits
from edge_train.data.tables import find_table, listing, read_groups, read_splits, read_table

if TYPE_CHECKING:
    from pathlib import Path

FRACTIONS = (0.7, 0.15, 0.15)


def table(tmp_path: Path, text: str, *, name: str = "splits.csv", encoding: str = "utf-8") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def phantom(seed: int, side: int = 160) -> np.ndarray:
    """A dark square with a bright body and a few soft ellipses: another seed, another patient."""
    rng = np.random.default_rng(seed)
    image = np.zeros((side, side), np.uint8)
    cv2.ellipse(image, (side // 2, side // 2), (side // 2 - 8, side // 2 - 20), 0, 0, 360, 120, -1)
    for _ in range(12):
        centre = tuple(int(v) for v in rng.integers(30, side - 30, 2))
        axes = tuple(int(v) for v in rng.integers(6, 28, 2))
        cv2.ellipse(image, centre, axes, int(rng.integers(180)), 0, 360, int(rng.integers(20, 250)), -1)
    return cv2.GaussianBlur(image, (0, 0), 1.5)


# The table


def test_a_table_is_read_with_bom_spaces_extra_columns_and_empty_groups(tmp_path):
    path = table(
        tmp_path,
        "\ufeffSplit, path ,label,note,group\r\ntrain, a/1.png ,covid,x, P 1 \r\n\r\nval,./a/2.png,covid,y,\r\n",
    )
    assert read_splits(path) == [
        ("a/1.png", "covid", "train", "P 1"),
        ("a/2.png", "covid", "val", "a/2.png"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,label,split\na.png,covid,train\n", "no column group"),
        ("path;label;split;group\na.png;covid;train;1\n", "no column path, label, split, group"),
        ("", "no column path, label, split, group"),
        ("path,label,split,group\n", "no rows"),
        ("path,label,split,group\na.png,,train,1\n", "line 2: a.png"),
        ("path,label,split,group\na.png\n", "without a label"),
        ("path,label,split,group\na.png,covid,dev,1\n", "line 2: 'dev'"),
        ("path,label,split,group\na.png,covid,train,1\n./a.png,covid,train,1\n", "a.png: lines 2, 3"),
        ("path,label,split,group\na.png,covid,train,P7\nb.png,covid,test,P7\n", "P7: train, test"),
        ('path,label,split,group\n"a.png,covid,train,1\n', "not a UTF-8 CSV file"),
    ],
)
def test_a_table_that_cannot_be_trusted_is_refused(tmp_path, text, says):
    with pytest.raises(DataError) as refused:
        read_splits(table(tmp_path, text))
    assert says in refused.value.message
    assert refused.value.hint
    assert refused.value.exit_code == 2


def test_a_table_in_another_encoding_is_refused(tmp_path):
    path = table(tmp_path, "path,label,split,group\nä.png,covid,train,1\n", encoding="latin-1")
    with pytest.raises(DataError, match="not a UTF-8 CSV file"):
        read_splits(path)


@pytest.mark.parametrize(
    "outside",
    ["/etc/passwd", "../x.png", "a/../../x.png", "", r"..\x.png", r"C:\x.png", "C:x.png", r"\\host\x"],
)
def test_a_path_that_leaves_the_folder_is_refused(tmp_path, outside):
    path = table(tmp_path, f"path,label,split,group\na.png,covid,train,1\n{outside},covid,train,2\n")
    with pytest.raises(DataError, match="line 3") as refused:
        read_splits(path)
    assert "line 2" not in refused.value.message


def test_a_list_of_many_is_cut_at_twenty():
    text = listing(f"item {number}" for number in range(25))
    assert "item 19" in text
    assert "item 20" not in text
    assert text.endswith("and 5 more")
    assert "more" not in listing(["item"] * 20)


def test_groups_csv_must_name_every_image_and_no_other(tmp_path):
    path = table(tmp_path, "path,group\na.png,P1\nb.png,\nz.png,P9\n", name="groups.csv")
    with pytest.raises(DataError) as refused:
        read_groups(path, ["a.png", "b.png", "c.png"])
    assert "c.png: has no line" in refused.value.message
    assert "z.png: no such image" in refused.value.message
    assert read_groups(table(tmp_path, "path,group\na.png,P1\nb.png,\n"), ["b.png", "a.png"]) == [
        "b.png",
        "P1",
    ]


def test_other_columns_can_be_asked_for(tmp_path):
    assert read_table(table(tmp_path, "path,group\na.png,P1\n"), ("group", "path")) == [
        (2, {"group": "P1", "path": "a.png"})
    ]


# Class folders


def test_class_folders_are_listed_to_any_depth_without_what_is_hidden(tmp_path):
    for name in (
        "b/deep/er/1.PNG",
        "a/2.jpg",
        "a/.hidden.jpg",
        "a/.cache/3.jpg",
        "a/notes.txt",
        ".git/4.jpg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert class_folders(tmp_path) == (
        {"a/2.jpg": "a", "b/deep/er/1.PNG": "b"},
        ["1 files are left out, since they are no images:\n  a/notes.txt"],
    )


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ([], "neither a splits.csv nor sub-folders"),
        (["1.png"], "neither a splits.csv nor sub-folders"),
        (["a/1.png", "b/readme.txt"], "sub-folders without images:\n  b"),
    ],
)
def test_a_folder_without_classes_is_refused(tmp_path, files, says):
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as refused:
        class_folders(tmp_path)
    assert says in refused.value.message
    assert refused.value.hint


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@pytest.mark.parametrize(
    "name", ["Splits.csv", "SPLITS.CSV", "splits.csv.txt", "split.csv", "splits.xlsx", "splits (1).csv"]
)
def test_table_that_is_called_almost_right_is_refused_by_name(tmp_path, name):
    touch(tmp_path, name)
    with pytest.raises(DataError) as refused:
        find_table(tmp_path, "splits.csv")
    assert name in refused.value.message
    assert "save it as splits.csv" in refused.value.hint
    (tmp_path / "splits.csv").touch()
    assert find_table(tmp_path, "splits.csv") == tmp_path / "splits.csv"


def test_table_that_is_no_file_is_refused(tmp_path):
    (tmp_path / "splits.csv").symlink_to("/mnt/gone/splits.csv")
    with pytest.raises(DataError, match=r"link to /mnt/gone/splits\.csv"):
        find_table(tmp_path, "splits.csv")
    (tmp_path / "groups.csv").mkdir()
    with pytest.raises(DataError, match=r"groups\.csv is no file"):
        find_table(tmp_path, "groups.csv")


def test_other_files_are_no_tables(tmp_path):
    touch(tmp_path, "readme.txt", "results.csv", "splitting.md")
    assert find_table(tmp_path, "splits.csv") is None


def test_folders_of_a_split_are_the_split(tmp_path):
    touch(
        tmp_path,
        "Train/a/1.png",
        "Train/b/2.png",
        "valid/a/p1/3.png",
        "valid/a/p1/4.png",
        "valid/a/p2/5.png",
        "valid/b/6.png",
    )
    splits = split_folders(tmp_path)
    assert {split: path.name for split, path in splits.items()} == {"train": "Train", "val": "valid"}
    rows, notes = rows_of_splits(tmp_path, splits)
    assert [tuple(row) for row in rows] == [
        ("Train/a/1.png", "a", "train", "Train/a/1.png"),
        ("Train/b/2.png", "b", "train", "Train/b/2.png"),
        ("valid/a/p1/3.png", "a", "val", "a/p1"),
        ("valid/a/p1/4.png", "a", "val", "a/p1"),
        ("valid/a/p2/5.png", "a", "val", "a/p2"),
        ("valid/b/6.png", "b", "val", "valid/b/6.png"),
    ]
    assert notes == ["3 scans have no group and count as one each"]


def test_patient_in_two_splits_is_refused(tmp_path):
    touch(tmp_path, "train/a/p1/1.png", "train/a/p2/2.png", "val/a/p1/3.png", "val/a/p3/4.png")
    with pytest.raises(DataError, match="a/p1: train, val"):
        rows_of_splits(tmp_path, split_folders(tmp_path))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["train/1.png", "val/2.png"], "named after splits, not classes"),
        (["train/1.png", "valid/2.png", "masks/3.png"], "partly named after splits"),
        (["train_data/a/1.png", "test_data/a/2.png"], "partly named after splits"),
        (["val/a/1.png", "valid/a/2.png"], "partly named after splits"),
    ],
)
def test_folders_that_may_be_a_split_are_never_classes(tmp_path, files, says):
    touch(tmp_path, *files)
    with pytest.raises(DataError, match=says) as refused:
        split_folders(tmp_path)
    assert "splits.csv" in refused.value.hint


def test_folders_of_patients_are_groups():
    assert patient_folders(["a/p1/1.png", "a/p1/series/2.png", "b/p2/3.png", "b/4.png"]) == {
        "a/p1/1.png": "p1",
        "a/p1/series/2.png": "p1",
        "b/p2/3.png": "p2",
    }


@pytest.mark.parametrize(
    "paths", [["a/1.png", "b/2.png"], ["a/images/1.png", "a/masks/1.png", "b/images/2.png"], ["a/x/1.png", "b/x/2.png"]]
)
def test_other_folders_are_no_patients(paths):
    assert patient_folders(paths) == {}


def test_volumes_are_named_and_dicom_without_a_suffix_is_read(tmp_path):
    touch(tmp_path, "a/1.png", "a/volume.nii.gz", "a/volume.NII", "b/2.png")
    (tmp_path / "b" / "IM0001").write_bytes(bytes(128) + b"DICM" + bytes(64))
    images, (note,) = class_folders(tmp_path)
    assert set(images) == {"a/1.png", "b/2.png", "b/IM0001"}
    assert "2 NIfTI volumes are left out" in note
    assert "a/volume.nii.gz" in note
    (tmp_path / "a" / "1.png").unlink()
    with pytest.raises(DataError, match="NIfTI"):
        class_folders(tmp_path)


# Dealing groups out


def cohort(seed: int, patients: int = 150) -> tuple[list[str], list[str]]:
    """Patients of 1 to 12 scans, three classes, one of them rare."""
    rng = np.random.default_rng(seed)
    labels: list[str] = []
    groups: list[str] = []
    for patient in range(patients):
        scans = int(rng.integers(1, 13))
        labels += [("rare", "common", "other")[min(patient % 10, 2)]] * scans
        groups += [f"P{patient}"] * scans
    return labels, groups


def test_groups_stay_whole_and_every_class_gets_its_share_of_every_split():
    labels, groups = cohort(0)
    splits = assign_splits(labels, groups, seed=0, fractions=FRACTIONS)
    homes = defaultdict(set)
    for group, split in zip(groups, splits, strict=True):
        homes[group].add(split)
    assert all(len(home) == 1 for home in homes.values())
    totals, got = Counter(labels), Counter(zip(labels, splits, strict=True))
    for label, total in totals.items():
        for split, share in zip(SPLITS, FRACTIONS, strict=True):
            # Half the largest group is as close as whole groups can promise.
            assert abs(got[label, split] - share * total) <= 6, (label, split)


def test_large_groups_do_not_all_go_to_train():
    labels, groups = cohort(0)
    sizes = Counter(groups)
    splits = dict(zip(groups, assign_splits(labels, groups, seed=0, fractions=FRACTIONS), strict=True))
    large = [splits[group] for group, size in sizes.items() if size >= 10]
    assert large.count("train") / len(large) < 0.85
    assert {"val", "test"} <= set(large)


def test_the_split_follows_the_seed_and_not_the_order_of_the_scans():
    labels, groups = cohort(1)
    first = dict(zip(groups, assign_splits(labels, groups, seed=3, fractions=FRACTIONS), strict=True))
    back = assign_splits(labels[::-1], groups[::-1], seed=3, fractions=FRACTIONS)
    assert dict(zip(groups[::-1], back, strict=True)) == first
    assert dict(zip(groups, assign_splits(labels, groups, seed=4, fractions=FRACTIONS), strict=True)) != first


def test_a_rare_class_reaches_every_split_when_it_has_a_group_for_each():
    labels = ["common"] * 90 + ["rare"] * 3
    groups = [f"C{number}" for number in range(90)] + ["R1", "R2", "R3"]
    splits = assign_splits(labels, groups, seed=0, fractions=(0.9, 0.05, 0.05))
    assert {split for label, split in zip(labels, splits, strict=True) if label == "rare"} == set(SPLITS)


def test_a_share_of_zero_leaves_the_split_out():
    labels, groups = cohort(2)
    assert set(assign_splits(labels, groups, seed=0, fractions=(0.8, 0.2, 0))) == {"train", "val"}
    assert set(assign_splits(labels, groups, seed=0, fractions=(0, 0, 1))) == {"test"}


@pytest.mark.parametrize("fractions", [(0.7, 0.2, 0.2), (1.2, -0.1, -0.1)])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(DataError, match="not shares of one"):
        assign_splits(["a"], ["g"], seed=0, fractions=fractions)


# Near-duplicates


def measures(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([dhash(image) for image in images]), np.array([thumbnail(image) for image in images])


def test_the_hash_is_blind_to_grey_levels_and_the_thumbnail_to_gain():
    image = phantom(0)
    hashed = dhash(image)
    assert hashed.shape == (256,)
    assert hashed.dtype == np.bool_
    gamma = (255 * (image / 255.0) ** 0.5).round().astype(np.uint8)
    assert (dhash(gamma) != hashed).sum() <= 10
    assert thumbnail(image) @ thumbnail(image // 2 + 40) > 0.99
    assert not thumbnail(np.full((64, 64), 7, np.uint8)).any()


def test_clusters_join_copies_and_nothing_else(tmp_path):
    paths = []
    for patient in range(6):
        image = phantom(patient)
        small = cv2.resize(image, None, fx=0.7, fy=0.7, interpolation=cv2.INTER_AREA)
        for copy, (pixels, quality) in enumerate(((image, 95), (image, 40), (small, 70))):
            path = tmp_path / f"{patient}-{copy}.jpg"
            path.write_bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes())
            paths.append(path)
    assert near_duplicates(paths).tolist() == [first for first in range(0, 18, 3) for _ in range(3)]


@pytest.mark.parametrize("seed", [1, 2])
def test_each_measure_joins_on_its_own(seed):
    rng = np.random.default_rng(seed)
    hashes = rng.random((3, 256)) < 0.5
    unlike = np.eye(3, 1024, dtype=np.float32)
    assert clusters(hashes, unlike).tolist() == [0, 1, 2]
    near, far = hashes.copy(), hashes.copy()
    near[2], far[2] = hashes[0], hashes[0]
    near[2, :10] ^= True
    far[2, :11] ^= True
    assert clusters(near, unlike).tolist() == [0, 1, 0]
    assert clusters(far, unlike).tolist() == [0, 1, 2]
    alike = unlike.copy()
    alike[2] = 0.97 * alike[0] + np.sqrt(1 - 0.97**2) * alike[2]
    assert clusters(hashes, alike).tolist() == [0, 1, 0]


def test_clusters_reach_through_chains_and_over_blocks():
    """2100 hashes, each of the last few hundred a step of 8 bits from the one before."""
    rng = np.random.default_rng(0)
    hashes = rng.random((2100, 256)) < 0.5
    for link, index in enumerate((3, 700, 1100, 2099)):
        hashes[index] = hashes[3]
        hashes[index, : 8 * link] ^= True
    found = clusters(hashes, np.zeros((2100, 1024), np.float32))
    assert [index for index in range(2100) if found[index] != index] == [700, 1100, 2099]
    assert set(found[[700, 1100, 2099]]) == {3}
