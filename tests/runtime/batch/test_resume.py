"""kill -9 at any point loses at most the scans in progress: after another run nothing is lost and nothing double."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from archives import merged
from edge_run._files import sha256
from edge_run.batch import part
from edge_run.batch.layout import open_parts, sealed_parts
from edge_run.batch.reading import verified
from toy import edge_run

if TYPE_CHECKING:
    from pathlib import Path

    from archives import Archive

    Capsys = pytest.CaptureFixture[str]

KILLED = """
import os, signal, sys
from edge_run.batch import part
from edge_run.cli import console

part.MAX_ROWS = 60
calls = 0

def dies(home, name, after):
    real = getattr(home, name)
    def wrapped(*given, **named):
        global calls
        calls += 1
        if calls > after:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    setattr(home, name, wrapped)

{where}
console()
"""
POINTS = {
    "between two items": 'dies(part.PartWriter, "append", 150)',
    "within a line": """
real, written = os.write, 0
def half(file, data):
    global written
    written += 1
    if written > 100 and len(data) > 1000:
        real(file, data[:700])
        os.kill(os.getpid(), signal.SIGKILL)
    return real(file, data)
part.os.write = half
""",
    "before a part is sealed": 'dies(part, "replace_file", 2)',
    "before a part gets its name": 'dies(part.layout, "sealed_name", 4)',
    "after a part got its name": 'dies(part, "sync_folder", 1)',
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_shard_goes_on(archive: Archive, capsys: Capsys, tmp_path: Path, point: str) -> None:
    given = ("batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle)
    program = KILLED.format(where=POINTS[point])
    killed = subprocess.run([sys.executable, "-c", program, *map(str, given)], capture_output=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    before = sum(path.read_bytes().count(b'"hash"') for path in (*sealed_parts(tmp_path), *open_parts(tmp_path)))
    assert before >= 50
    done = edge_run(capsys, *given, "--json")
    work = json.loads(done.out)
    # The series has three rows, and a line may be half written.
    assert work["before"] >= before - 3
    assert work["before"] + work["answered"] == archive.files
    found = merged(tmp_path)
    assert (found["missing"], found["double"], found["open_parts"], found["faults"]) == (0, 0, 0, [])
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table


def test_killed_while_a_part_became_parquet(archive: Archive, capsys: Capsys, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    given = ("batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle, "--parquet")
    where = "import pathlib\ndies(pathlib.Path, 'unlink', 0)"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(where=where), *map(str, given)], capture_output=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert edge_run(capsys, *given).code == 0
    found = merged(tmp_path)
    assert (found["missing"], found["double"], found["faults"]) == (0, 0, [])
    assert (tmp_path / "answers.jsonl").read_bytes() == archive.table


def test_merging_reads_what_a_killed_shard_left_and_names_what_is_missing(archive: Archive, tmp_path: Path) -> None:
    given = ("batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle)
    program = KILLED.format(where=POINTS["within a line"])
    subprocess.run([sys.executable, "-c", program, *map(str, given)], capture_output=True, check=False)
    found = merged(tmp_path, code=3)
    assert found["open_parts"] == 1
    assert found["faults"] == []
    assert found["missing"] == archive.files - found["answered"] - found["errors"] > 0
    assert len(found["missing_files"]) == 20


def test_full_disk_costs_no_row_that_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"path": f"{n}.png", "scan_sha256": sha256(b"%d" % n), "label": "covid"} for n in range(5)]
    real = os.write

    def full(file: int, data: bytes) -> int:
        if b"4.png" in bytes(data):
            real(file, data[:50])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(file, data)

    with monkeypatch.context() as patch:
        patch.setattr(part.os, "write", full)
        with part.PartWriter(tmp_path, "shard") as writer:
            for row in rows[:4]:
                writer.append([row])
            with pytest.raises(OSError, match="No space"):
                writer.append([rows[4]])
    assert len(open_parts(tmp_path)) == 1
    assert part.recover(tmp_path, "shard") == 4
    (sealed,) = sealed_parts(tmp_path)
    faults: list[object] = []
    assert len(list(verified(sealed, faults))) == 4
    assert faults == []


def test_output_folder_that_cannot_be_made_is_named(archive: Archive, capsys: Capsys, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        done = edge_run(capsys, "batch", archive.folder, "--out", out, "--bundle", archive.bundle)
        assert done.code == 2
        assert f"the output folder {out} cannot be used" in done.err


def test_second_process_of_a_shard_is_refused(archive: Archive, capsys: Capsys, tmp_path: Path) -> None:
    from edge_run.batch.folder import only_process

    with only_process(tmp_path, "00001-of-00001"):
        done = edge_run(capsys, "batch", archive.folder, "--out", tmp_path, "--bundle", archive.bundle)
    assert done.code == 2
    assert "another process works on" in done.err


def test_errors_are_answered_again_on_request(archive: Archive, capsys: Capsys, tmp_path: Path) -> None:
    place = tmp_path / "scans"
    place.mkdir()
    late = place / "late.png"
    late.symlink_to(tmp_path / "there.png")
    given = ("batch", place, "--out", tmp_path / "out", "--bundle", archive.bundle, "--json")
    assert json.loads(edge_run(capsys, *given).out)["errors"] == 1
    (tmp_path / "there.png").write_bytes((archive.folder / "ward1" / "0001.png").read_bytes())
    assert (
        json.loads(edge_run(capsys, "batch", "--out", tmp_path / "out", "--bundle", archive.bundle, "--json").out)[
            "answered"
        ]
        == 0
    )
    assert json.loads(edge_run(capsys, *given).out) | {"part": ""} == {
        "part": "", "files": 1, "before": 0, "answered": 1, "errors": 0,
    }  # fmt: skip
    found = merged(tmp_path / "out")
    assert (found["answered"], found["errors"], found["listed"], found["missing"]) == (1, 0, 1, 0)


def test_file_that_changed_since_it_was_listed_is_an_error_and_then_an_answer(
    archive: Archive, capsys: Capsys, tmp_path: Path
) -> None:
    place = tmp_path / "scan.png"
    place.write_bytes((archive.folder / "ward1" / "0001.png").read_bytes())
    out = tmp_path / "out"
    edge_run(capsys, "batch", "list", place, "--out", out)
    place.write_bytes((archive.folder / "ward2" / "0002.png").read_bytes())
    done = edge_run(capsys, "batch", "--out", out, "--bundle", archive.bundle)
    assert "1 of them with an error" in done.err
    edge_run(capsys, "batch", place, "--out", out, "--bundle", archive.bundle)
    found = merged(out)
    assert (found["answered"], found["errors"]) == (1, 1)
    assert "has changed since it was listed" in next(iter(found["error_messages"]))
