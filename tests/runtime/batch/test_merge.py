"""Merging finds what was altered, removed, lost, doubled and contradicted, and judges nothing by file names."""

from __future__ import annotations

import csv
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from edge_run._files import sha256
from edge_run.batch.layout import sealed_parts
from edge_run.batch.listing import make_list
from edge_run.batch.merge import merge
from edge_run.batch.part import PartWriter
from edge_run.batch.rows import error_row
from edge_run.errors import InputError, UsageError
from toy import edge_run

if TYPE_CHECKING:
    from pathlib import Path

    from archives import Archive
    from edge_run.batch.merge import Merged

FILES = 12


def answer(path: Path, label: str = "covid") -> dict[str, object]:
    """As much of an answer as merging reads."""
    digest = sha256(path.read_bytes()) if path.exists() else sha256(str(path).encode())
    return {"path": str(path), "scan_sha256": digest, "label": label, "flags": []}


@pytest.fixture
def scans(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "scans" / f"{n:02}.png" for n in range(FILES)]
    paths[0].parent.mkdir()
    for n, path in enumerate(paths):
        path.write_bytes(b"%d" % n)
    return paths


@pytest.fixture
def out(tmp_path: Path, scans: list[Path]) -> Path:
    """One part with all answers, and the list."""
    folder = tmp_path / "out"
    make_list([str(scans[0].parent)], folder)
    add(folder, [answer(path) for path in scans])
    return folder


def add(folder: Path, rows: list[dict[str, object]]) -> None:
    with PartWriter(folder, "shard") as writer:
        for row in rows:
            writer.append([row])


def merged(folder: Path) -> tuple[Merged, list[dict[str, object]]]:
    rows: list[dict[str, object]] = []
    return merge(folder, rows.append), rows


def test_intact_parts_are_whole_and_sorted(out: Path) -> None:
    found, rows = merged(out)
    assert (found.listed, found.answered, found.errors, found.missing, found.faults) == (FILES, FILES, 0, 0, [])
    assert [row["scan_sha256"] for row in rows] == sorted(str(row["scan_sha256"]) for row in rows)
    assert "hash" not in rows[0]


def damaged(out: Path, change: object) -> list[str]:
    (part,) = sealed_parts(out)
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(b"".join(change(lines)))
    found, rows = merged(out)
    assert found.missing == FILES - len(rows)
    return [fault.message for fault in found.faults]


def test_altered_row_shows_and_is_left_out(out: Path) -> None:
    def alter(lines: list[bytes]) -> list[bytes]:
        lines[4] = lines[4].replace(b"covid", b"cured")
        return lines

    assert damaged(out, alter) == ["row 5 does not fit its hash: it was altered, or the one before it"]


def test_removed_row_shows(out: Path) -> None:
    faults = damaged(out, lambda lines: lines[:4] + lines[5:])
    assert "row 5 does not fit its hash" in faults[0]
    assert "missing at the end" in faults[1]


def test_rows_in_another_order_show(out: Path) -> None:
    assert len(damaged(out, lambda lines: [lines[1], lines[0], *lines[2:]])) == 3


def test_rows_cut_off_at_the_end_show(out: Path) -> None:
    assert damaged(out, lambda lines: lines[:-2]) == [f"rows {FILES - 1} to {FILES} are missing at the end"]


def test_part_that_was_written_anew_does_not_fit_its_head(out: Path, tmp_path: Path, scans: list[Path]) -> None:
    add(tmp_path / "other", [answer(path, "cured") for path in scans])
    (theirs,) = sealed_parts(tmp_path / "other")
    assert damaged(out, lambda _lines: [theirs.read_bytes()]) == [f"row {FILES} is not the one that its .head names"]


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"\xff\xfe\n", b"{}\n", b'{"path":1}\n', b'{"hash":"' + b"0" * 64 + b'"}\n']
)
def test_garbage_is_a_fault_and_no_exception(out: Path, text: bytes) -> None:
    faults = damaged(out, lambda lines: [*lines[:3], text, *lines[4:]])
    assert faults


def test_missing_head_is_named(out: Path) -> None:
    next((out / "parts").glob("*.head")).unlink()
    (fault,) = merged(out)[0].faults
    assert "rows lost at the end would not show" in fault.message


def test_lost_part_is_missing_scans(out: Path, scans: list[Path]) -> None:
    (part,) = sealed_parts(out)
    add(out, [answer(scans[0])])
    part.unlink()
    found, rows = merged(out)
    assert len(rows) == 1
    assert found.missing == FILES - 1
    assert str(scans[1]) in found.missing_files


def test_double_answers_are_counted_and_one_is_kept(out: Path, scans: list[Path]) -> None:
    add(out, [answer(path) for path in scans[:3]])
    found, rows = merged(out)
    assert (found.double, found.differing, len(rows)) == (3, 0, FILES)


def test_answers_that_contradict_each_other_are_named(out: Path, scans: list[Path]) -> None:
    add(out, [answer(scans[5], "cured")])
    found, rows = merged(out)
    assert (found.double, found.differing, found.differing_files, len(rows)) == (0, 1, [str(scans[5])], FILES)


def test_answer_takes_the_place_of_an_error(out: Path, scans: list[Path]) -> None:
    row = answer(scans[2])
    error = error_row(str(scans[2]), str(row["scan_sha256"]), InputError("It was locked."))
    add(out, [error, error])
    found, rows = merged(out)
    assert (found.errors, found.double, found.answered, len(rows)) == (0, 0, FILES, FILES)


def test_row_that_no_list_names_is_kept_and_counted(out: Path, tmp_path: Path) -> None:
    add(out, [answer(tmp_path / "elsewhere.png")])
    found, rows = merged(out)
    assert (found.unlisted, len(rows)) == (1, FILES + 1)


def test_series_that_lost_a_frame_is_missing(tmp_path: Path) -> None:
    frames = [
        {**answer(tmp_path / "a.dcm"), "path": f"a.dcm#{n}", "file": "a.dcm", "frame": n, "frames": 12}
        for n in range(1, 13)
    ]
    with PartWriter(tmp_path, "shard") as writer:
        writer.append(frames)
    assert [row["frame"] for row in merged(tmp_path)[1]] == list(range(1, 13))
    (part,) = sealed_parts(tmp_path)
    part.write_bytes(part.read_bytes().replace(b'"frame":7', b'"frame":8'))
    found, rows = merged(tmp_path)
    assert rows == []
    assert found.faults


def test_folder_without_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no answers"):
        merged(tmp_path)


def test_command_writes_table_summary_and_csv(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(archive.out, tmp_path / "out")
    done = edge_run(capsys, "batch", "merge", tmp_path / "out", "--csv")
    assert done.code == 0, done.err
    for text in (f"answered   {archive.files - 13}", "errors     13", "chains     intact", "copies     10", "covid"):
        assert text in done.out
    rows = list(csv.DictReader((tmp_path / "out" / "answers.csv").read_text().splitlines()))
    assert len(rows) == archive.table.count(b"\n")
    assert {row["path"].rpartition("/")[2] for row in rows if row["error"]} >= {"empty.png", "gone.png"}


def test_broken_chain_ends_with_exit_6_after_everything_is_written(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(archive.out, tmp_path / "out")
    (part,) = sealed_parts(tmp_path / "out")
    part.write_bytes(part.read_bytes()[:-200])
    done = edge_run(capsys, "batch", "merge", tmp_path / "out", "--json")
    assert done.code == 6
    assert "run the shards again" in done.err
    found = json.loads(done.out)
    assert found == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["missing"] == 1
    part.unlink()
    done = edge_run(capsys, "batch", "--out", tmp_path / "out", "--bundle", archive.bundle)
    assert edge_run(capsys, "batch", "merge", tmp_path / "out").code == 0
    assert (tmp_path / "out" / "answers.jsonl").read_bytes() == archive.table


def test_another_bundle_or_precision_is_refused(
    archive: Archive, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan = archive.folder / "ward1" / "0001.png"
    edge_run(capsys, "batch", scan, "--out", tmp_path, "--bundle", archive.bundle, "--precision", "fp32")
    other = archive.folder / "ward2" / "0002.png"
    done = edge_run(capsys, "batch", other, "--out", tmp_path, "--bundle", archive.bundle, "--precision", "int8-cpu")
    assert done.code == 2
    assert "with precision fp32, and this process has int8-cpu" in done.err
