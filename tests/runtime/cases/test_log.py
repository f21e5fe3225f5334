"""What is logged, what is not, and who may read it."""

import hashlib
import stat
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from edge_run.cases import CaseLog, default_path, ids, reading
from edge_run.cases.chain import verify

WRITER = str(Path(__file__).with_name("writer.py"))


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_case_holds_the_answer_and_what_gave_it(log, answer):
    case_id = log.append(answer(0.75, flags=("low-confidence",), scan="5" * 64))
    (case,) = reading.cases(log)
    assert (case["id"], case["label"], case["probability"]) == (case_id, "covid", 0.75)
    assert case["members"][0] == {
        "id": "resnet18",
        "arch": "resnet18",
        "weight": 1.0,
        "label": "covid",
        "probability": 0.75,
        "probabilities": {"covid": 0.75, "non_covid": 0.25},
        "logits": [1.5, -0.25],
    }
    assert case["flags"] == [{"name": "low-confidence", "reason": "because of low-confidence"}]
    assert case["skipped_backends"] == [{"backend": "cuda", "reason": "no GPU"}]
    assert (case["bundle"], case["bundle_sha256"], case["precision"]) == ("toy", "b" * 64, "fp32")
    assert (case["backend"], case["version"], case["scan_sha256"]) == ("cpu", "0.2.0", "5" * 64)
    assert (case["timing_ms"], case["measures"]) == ({"read": 1.0, "infer": 2.0}, {"score": 0.75})


def test_neither_name_nor_image_is_stored(log, path, answer):
    log.append(answer(), b"the image itself")
    log.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["cases.sqlite", "cases.sqlite.head"]
    assert b"Doe" not in path.read_bytes()
    assert b"the image itself" not in path.read_bytes()


def test_images_are_kept_when_asked_for(path, answer):
    with CaseLog.open(path, keep_images=True) as log:
        log.append(answer(), b"the image itself")
        log.append(answer(), b"the image itself")
        log.append(answer())
        kept = [case["kept_image"] for case in reading.cases(log)]
    name = hashlib.sha256(b"the image itself").hexdigest()
    assert kept == [name, name, None]
    folder = path.parent / "cases.images"
    assert [file.name for file in folder.iterdir()] == [name]
    assert (folder / name).read_bytes() == b"the image itself"
    assert (mode(folder), mode(folder / name)) == (0o700, 0o600)


def test_only_this_user_may_read_it(log, path, answer):
    log.append(answer())
    assert mode(path.parent) == 0o700
    assert {file.name: mode(file) for file in path.parent.iterdir()} == dict.fromkeys(
        ("cases.sqlite", "cases.sqlite-wal", "cases.sqlite-shm", "cases.sqlite.head"), 0o600
    )


def test_folder_that_was_there_keeps_its_rights(tmp_path, answer):
    tmp_path.chmod(0o755)
    with CaseLog.open(tmp_path / "cases.sqlite") as log:
        log.append(answer())
    assert mode(tmp_path) == 0o755


def test_every_commit_is_synced_to_the_write_ahead_log(log):
    assert log.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert log.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert log.connection.execute("PRAGMA secure_delete").fetchone() == (1,)


def test_ids_rise_though_the_clock_goes_back(log, answer, monkeypatch):
    times = iter([2_000_000_000_000, 1_000_000_000_000, 1_000_000_000_000, 2_000_000_000_002, 2_000_000_000_002])
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: next(times))
    made = [log.append(answer()) for _ in range(5)]
    assert all(low < high for low, high in pairwise(made))
    assert {len(one) for one in made} == {12}
    assert next(iter(reading.cases(log)))["utc"] == "2033-05-18T03:33:20.000Z"
    assert list(reading.cases(log))[1]["utc"] == "2001-09-09T01:46:40.000Z"


def test_id_says_when(monkeypatch):
    assert ids.new_id(1_785_334_503_120, None)[:9] < ids.new_id(1_785_334_503_121, None)[:9]
    monkeypatch.setattr("os.urandom", lambda count: bytes([255] * count))
    assert ids.new_id(31, None) == "00000000zzzz"


def test_default_place(monkeypatch, tmp_path):
    monkeypatch.setenv("EDGE_RUN_CASE_LOG", str(tmp_path / "here.sqlite"))
    assert default_path() == tmp_path / "here.sqlite"
    monkeypatch.setenv("EDGE_RUN_CASE_LOG", "")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_path() == tmp_path / "edge-run" / "cases.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_path() == tmp_path / "home" / ".local" / "share" / "edge-run" / "cases.sqlite"


def test_odd_names_are_paths_too(tmp_path, answer):
    odd = tmp_path / "a b?mode=memory#%41.sqlite"
    with CaseLog.open(odd) as log:
        log.append(answer())
    assert odd.stat().st_size > 0


def test_four_processes_at_once_on_a_log_that_none_has_made_yet(path):
    command = [sys.executable, WRITER, str(path), "25"]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = [process.communicate(timeout=60)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    with CaseLog.existing(path) as log:
        logged = [case["id"] for case in reading.cases(log)]
        assert verify(log).faults == []
    assert sorted(one for ids_ in said for one in ids_) == logged
    assert len(logged) == 100
