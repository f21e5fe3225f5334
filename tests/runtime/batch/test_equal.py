"""The same bytes from every way of answering an archive of 500 drawn scans with bad files among them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from archives import merged
from edge_run.cases.hashing import write
from toy import edge_run

if TYPE_CHECKING:
    from pathlib import Path

    from archives import Archive

    Capsys = pytest.CaptureFixture[str]


def rows(table: bytes) -> list[dict[str, object]]:
    return [json.loads(line) for line in table.splitlines()]


def test_rows_are_the_records_of_predict(archive: Archive, capsys: Capsys) -> None:
    done = edge_run(capsys, "predict", archive.folder, "--bundle", archive.bundle, "--no-case-log", "--jsonl")
    records = [json.loads(line) for line in done.out.splitlines()]
    ours = {row["path"]: row for row in rows(archive.table)}
    records = [record for record in records if "series" not in record]
    assert len(records) == len(ours)
    for record in records:
        record.pop("timing_ms", None)
        row = {name: value for name, value in ours[record["path"]].items() if name not in ("file", "frame", "frames")}
        if "error" in record:
            row.pop("scan_sha256")
        assert write(row) == write(record)


@pytest.mark.parametrize("of", [2, 7])
def test_any_number_of_shards_gives_the_same_bytes(archive: Archive, capsys: Capsys, tmp_path: Path, of: int) -> None:
    for number in range(of, 0, -1):
        done = edge_run(
            capsys, "batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle, "--shard", f"{number}/{of}"
        )
        assert done.code == 0, done.err
    found = merged(tmp_path)
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table
    assert (found["listed"], found["missing"], found["double"]) == (archive.files, 0, 0)


def test_parquet_gives_the_same_bytes(archive: Archive, capsys: Capsys, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    done = edge_run(capsys, "batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle, "--parquet")
    assert done.code == 0, done.err
    assert {path.suffix for path in (tmp_path / "parts").iterdir()} == {".parquet", ".head", ".lock"}
    again = edge_run(capsys, "batch", "--out", tmp_path, "--bundle", archive.bundle, "--json")
    assert json.loads(again.out)["answered"] == 0
    assert merged(tmp_path)["faults"] == []
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table


def test_table_has_a_row_for_each_file_bad_ones_included(archive: Archive) -> None:
    found = rows(archive.table)
    assert len({row.get("file", row["path"]) for row in found}) == archive.files
    errors = {str(row["path"]).rpartition("/")[2] for row in found if "error" in row}
    assert {"empty.png", "text.png", "gone.png", "0000-cut.png"} <= errors
    assert len(errors) == 3 + 10
    assert not any("timing_ms" in row for row in found)
