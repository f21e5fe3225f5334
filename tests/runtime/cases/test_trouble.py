"""Kills, full disks and files that are no logs: what was acknowledged stays, and what goes wrong is said."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_run.cases import CaseLog, CaseLogError, errors, reading
from edge_run.cases.chain import verify

WRITER = str(Path(__file__).with_name("writer.py"))


def ids(log):
    return [case["id"] for case in reading.cases(log)]


def test_kill_in_the_middle_loses_nothing_that_was_acknowledged(path):
    chance = random.Random(7)
    acknowledged = []
    for _ in range(4):
        with subprocess.Popen([sys.executable, WRITER, str(path), "100000"], stdout=subprocess.PIPE) as process:
            acknowledged += [process.stdout.readline().decode().strip() for _ in range(3)]
            time.sleep(chance.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
            # What stood in the pipe was said; a line that is cut off was not.
            acknowledged += [line.decode().strip() for line in process.stdout.readlines() if line.endswith(b"\n")]
        assert process.returncode == -signal.SIGKILL
    with CaseLog.open(path) as log:
        assert set(acknowledged) <= set(ids(log))
        assert verify(log).faults == []
    assert len(acknowledged) >= 4 * 3


@pytest.mark.parametrize("most", [60_000, 100_000])
def test_file_that_may_not_grow(path, most):
    done = subprocess.run(
        [sys.executable, WRITER, str(path), "1000", str(most)], capture_output=True, text=True, check=True, timeout=60
    )
    *acknowledged, complaint = done.stdout.splitlines()
    assert "cannot be written: the disk" in complaint
    assert "free some space" in complaint
    with CaseLog.open(path) as log:
        assert ids(log) == acknowledged
        assert len(acknowledged) > 1
        assert verify(log).faults == []


def test_full_disk_refuses_a_case_and_takes_the_next_when_there_is_space(log, answer):
    pages = log.connection.execute("PRAGMA page_count").fetchone()[0]
    log.connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    logged = []
    with pytest.raises(CaseLogError, match="cannot be written: the disk is full") as caught:
        logged += [log.append(answer()) for _ in range(100)]
    assert "free some space" in caught.value.hint
    before = ids(log)
    log.connection.execute("PRAGMA max_page_count = 1000000")
    assert ids(log) == before
    last = log.append(answer())
    assert ids(log) == [*before, last]
    assert verify(log).faults == []


def test_image_that_cannot_be_kept_leaves_no_case(path, answer, monkeypatch):
    def full(*_arguments):
        raise OSError(28, os.strerror(28))

    with CaseLog.open(path, keep_images=True) as log:
        before = [log.append(answer(), b"one")]
        with monkeypatch.context() as patch:
            patch.setattr("edge_run._files.replace.os.fsync", full)
            with pytest.raises(CaseLogError, match="the disk is full"):
                log.append(answer(), b"another")
        assert ids(log) == before
        assert len(list(log.images.iterdir())) == 1
        assert log.append(answer(), b"another") in ids(log)


def test_path_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CaseLogError, match="cannot be opened: ") as caught:
        CaseLog.open(tmp_path / "file" / "cases.sqlite")
    assert "--case-log" in caught.value.hint
    assert caught.value.exit_code == 1


def test_folder_in_place_of_the_file(tmp_path):
    with pytest.raises(CaseLogError, match="cannot be opened"):
        CaseLog.open(tmp_path)


def test_folder_that_may_not_be_written(tmp_path, monkeypatch):
    def refuse(*_arguments, **_more):
        raise PermissionError(13, os.strerror(13))

    # The superuser, as whom tests may run, is refused nothing.
    monkeypatch.setattr("edge_run.cases.location.os.open", refuse)
    with pytest.raises(CaseLogError, match="cannot be opened: Permission denied") as caught:
        CaseLog.open(tmp_path / "cases.sqlite")
    assert "check the rights" in caught.value.hint


def test_file_that_may_not_be_written(log, answer):
    log.append(answer())
    log.connection.execute("PRAGMA query_only = ON")
    with pytest.raises(CaseLogError, match="cannot be written: it may not be written by this user"):
        log.append(answer())


def test_another_process_holds_it(log, path, answer, monkeypatch):
    monkeypatch.setattr("edge_run.cases.opening.BUSY_S", 0.05)
    with CaseLog.open(path) as other, log.writing():
        with pytest.raises(CaseLogError, match="another process holds it"):
            other.append(answer())
        assert ids(other) == []


@pytest.mark.parametrize("content", [b"no database, but long enough for a header" * 99, b"short"])
def test_file_that_is_no_database(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CaseLogError, match="the file is not a case log"):
        CaseLog.open(path)
    assert path.read_bytes() == content


def test_database_with_damaged_pages(log, path, answer):
    log.connection.execute("PRAGMA synchronous = OFF")
    for _ in range(50):
        log.append(answer())
    log.close()
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with CaseLog.open(path) as damaged:
        with pytest.raises(CaseLogError, match="the file is damaged") as caught:
            damaged.append(answer())
        assert "move the file aside" in caught.value.hint
        assert {fault.kind for fault in verify(damaged).faults} == {"altered", "database"}


def test_empty_file_becomes_a_log(path, answer):
    path.parent.mkdir()
    path.touch()
    with CaseLog.open(path) as log:
        log.append(answer())
        assert len(ids(log)) == 1


@pytest.mark.parametrize("make", ["CREATE TABLE theirs (a)", "PRAGMA application_id = 1"])
def test_database_of_another_program(path, make):
    path.parent.mkdir()
    other = sqlite3.connect(path)
    other.execute(make)
    other.close()
    before = path.read_bytes()
    with pytest.raises(CaseLogError, match="another program's database"):
        CaseLog.open(path)
    assert path.read_bytes() == before


def test_log_of_a_newer_version(log, path):
    log.connection.execute("PRAGMA user_version = 2")
    with pytest.raises(CaseLogError, match="schema version 2, this edge-run reads 1") as caught:
        CaseLog.open(path)
    assert "the edge-run that wrote it" in caught.value.hint


def test_reading_makes_no_log(path):
    with pytest.raises(CaseLogError, match="there is no case log at"):
        CaseLog.existing(path)
    assert not path.parent.exists()


def test_user_without_a_home(monkeypatch):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EDGE_RUN_CASE_LOG", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(CaseLogError, match="no home folder"):
        CaseLog.open()


def test_what_sqlite_says_is_kept_where_nothing_better_is_known(path):
    with pytest.raises(CaseLogError, match="cannot be read: something else"), errors.explained(path, "read"):
        raise sqlite3.OperationalError("something else")
