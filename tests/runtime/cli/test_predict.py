from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from edge_run import BackendError, Ensemble
from edge_run.cli import _options
from edge_run.scan.scan import DEFAULT_LIMITS
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with two scans and one file that is none."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.png").write_bytes(png(scan(1)))
    (tmp_path / "a.png").write_bytes(png(scan(2)))
    (tmp_path / "bad.png").write_bytes(b"no image")
    return tmp_path


def records(capsys: Capsys, bundle: Path, *arguments: object) -> tuple[int, list[dict]]:
    answered = edge_run(capsys, "predict", "--bundle", bundle, "--json", *arguments)
    return answered.code, json.loads(answered.out)


def log_of(path: Path) -> list[dict]:
    with contextlib.closing(sqlite3.connect(path)) as log:
        return [json.loads(entry) for (entry,) in log.execute("SELECT entry FROM entries ORDER BY seq")]


@pytest.mark.usefixtures("scans")
def test_answer_is_that_of_the_library(capsys: Capsys, bundle: Path) -> None:
    code, (record,) = records(capsys, bundle, "b.png")
    with Ensemble.load(bundle) as ensemble:
        prediction = ensemble.predict("b.png")
    assert code == 0
    assert record["path"] == "b.png"
    assert record["label"] == prediction.decision.label
    assert record["probabilities"] == prediction.decision.probabilities
    assert record["bundle_sha256"] == ensemble.bundle.sha256
    assert record["scan_sha256"] == prediction.scan_sha256
    assert record["steps"] == list(prediction.steps)


@pytest.mark.usefixtures("scans")
def test_bad_file_among_good_ones_stops_nobody(capsys: Capsys, bundle: Path) -> None:
    answered = edge_run(capsys, "predict", "--bundle", bundle, "--json", "b.png", "bad.png", "gone.png", "a.png")
    found = json.loads(answered.out)
    assert answered.code == 3
    assert [record["path"] for record in found] == ["b.png", "bad.png", "gone.png", "a.png"]
    assert ["label" in record for record in found] == [True, False, False, True]
    assert found[1]["error"]["kind"] == "InputError"
    assert "gone.png does not exist" in found[2]["error"]["message"]
    assert found[2]["error"]["hint"]
    assert "2 of 4 inputs could not be answered" in answered.err


def test_folder_is_answered_in_order_of_names(capsys: Capsys, bundle: Path, scans: Path) -> None:
    code, found = records(capsys, bundle, scans)
    assert code == 3
    assert [record["path"] for record in found] == [str(scans / name) for name in ("a.png", "b.png", "bad.png")]


def test_folder_without_scans_is_a_failed_input(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    code, (record,) = records(capsys, bundle, tmp_path)
    assert code == 3
    assert "holds no image" in record["error"]["message"]


def test_scan_from_standard_input(capsys: Capsys, bundle: Path, scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((scans / "b.png").read_bytes())))
    code, (piped, named) = records(capsys, bundle, "-", "b.png")
    assert (code, piped["path"]) == (0, "-")
    assert piped["probabilities"] == named["probabilities"]
    assert piped["scan_sha256"] == named["scan_sha256"]


@pytest.mark.parametrize("data", [b"", b"no image"])
def test_standard_input_that_is_no_scan(
    capsys: Capsys, bundle: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    code, (record,) = records(capsys, bundle, "-")
    assert (code, record["path"], record["error"]["kind"]) == (3, "-", "InputError")


@pytest.mark.usefixtures("scans")
def test_answers_are_logged(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    log = tmp_path / "log" / "cases.sqlite"
    _, found = records(capsys, bundle, "a.png", "bad.png", "b.png", "--case-log", log)
    entries = [entry for entry in log_of(log) if entry["kind"] == "case"]
    assert [entry["id"] for entry in entries] == [found[0]["case"], found[2]["case"]]
    assert entries[1]["scan_sha256"] == found[2]["scan_sha256"]
    assert "a.png" not in json.dumps(entries)
    assert not (tmp_path / "log" / "cases.images").exists()


@pytest.mark.usefixtures("scans")
def test_images_are_kept_where_it_is_asked_for(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    _, (record,) = records(capsys, bundle, "a.png", "--case-log", tmp_path / "cases.sqlite", "--keep-images")
    (kept,) = (tmp_path / "cases.images").iterdir()
    assert kept.read_bytes() == (tmp_path / "a.png").read_bytes()
    assert kept.name == record["scan_sha256"]


@pytest.mark.usefixtures("scans")
def test_log_is_the_users_own_by_default_and_left_out_on_demand(
    capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    _, (record,) = records(capsys, bundle, "a.png", "--no-case-log")
    assert record["case"] is None
    assert not (tmp_path / "data").exists()
    _, (record,) = records(capsys, bundle, "a.png")
    assert [entry["id"] for entry in log_of(tmp_path / "data" / "edge-run" / "cases.sqlite")] == [record["case"]]


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("arguments", [("--case-log", "x"), ("--keep-images",)])
def test_no_log_contradicts(capsys: Capsys, bundle: Path, arguments: tuple[str, ...]) -> None:
    answered = edge_run(capsys, "predict", "a.png", "--bundle", bundle, "--no-case-log", *arguments)
    assert (answered.code, answered.out) == (2, "")


@pytest.mark.usefixtures("scans")
def test_log_that_cannot_be_opened_keeps_nobody_from_an_answer(capsys: Capsys, bundle: Path) -> None:
    command = ["predict", "a.png", "b.png", "--bundle", bundle, "--jsonl", "--case-log", "/proc/none/cases.sqlite"]
    answered = edge_run(capsys, *command)
    assert answered.code == 0
    assert [json.loads(line)["case"] for line in answered.out.splitlines()] == [None, None]
    assert answered.err.count("warning: not logged: the case log /proc/none/cases.sqlite cannot be opened") == 1
    assert "hint: " in answered.err
    assert "not logged" in edge_run(capsys, *command[:-3], *command[-2:]).out


def test_log_that_cannot_be_written_for_a_while(
    capsys: Capsys, bundle: Path, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edge_run.cases import CaseLog, CaseLogError

    left = iter(["the disk is full", "the disk is full", "another process holds it", None])

    def append(*_: object, **_more: object) -> str:
        if reason := next(left):
            raise CaseLogError(reason)
        return "one"

    monkeypatch.setattr(CaseLog, "append", append)
    for name in "abcd":
        (scans / name).write_bytes(png(scan()))
    answered = edge_run(capsys, "predict", *"abcd", "--bundle", bundle, "--jsonl")
    assert answered.code == 0
    assert [json.loads(line)["case"] for line in answered.out.splitlines()] == [None, None, None, "one"]
    assert answered.err.splitlines() == [
        "warning: not logged: the disk is full", "warning: not logged: another process holds it",
    ]  # fmt: skip


@pytest.mark.usefixtures("scans")
@pytest.mark.parametrize("method", ["open", "append", "checkpoint", "close"])
def test_whatever_is_wrong_with_the_log_the_answers_come(
    capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from edge_run.cases import CaseLog

    def fail(*_: object, **_more: object) -> None:
        raise ValueError("nobody thought of this")

    monkeypatch.setattr(CaseLog, method, fail)
    answered = edge_run(capsys, "predict", "a.png", "b.png", "--bundle", bundle, "--jsonl")
    assert (answered.code, len(answered.out.splitlines())) == (0, 2)
    assert answered.err.count("nobody thought of this") == (method != "checkpoint")


@pytest.mark.usefixtures("scans")
def test_accession_number_is_kept_as_a_hash(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.sqlite"
    answered = edge_run(capsys, "predict", "a.png", "--bundle", bundle, "--jsonl", "--id", "A-17", "--case-log", log)
    case = json.loads(answered.out)["case"]
    found = edge_run(capsys, "cases", "find", "--id", "A-17", "--json", "--case-log", log)
    assert [one["id"] for one in json.loads(found.out)] == [case]
    assert "A-17" not in answered.out
    assert edge_run(capsys, "predict", "a.png", "--id", "A-17", "--no-case-log").code == 2


@pytest.mark.usefixtures("scans")
def test_python_without_sqlite(capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_run.cases", None)
    answered = edge_run(capsys, "predict", "a.png", "--bundle", bundle, "--jsonl")
    assert answered.code == 0
    assert json.loads(answered.out)["case"] is None
    assert "warning: not logged" in answered.err


@pytest.mark.usefixtures("scans")
def test_backend_that_fails_is_no_failed_input(capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise BackendError("the device is gone", hint="fetch it")

    monkeypatch.setattr(Ensemble, "vote", failing)
    answered = edge_run(capsys, "predict", "a.png", "b.png", "--bundle", bundle, "--jsonl")
    assert (answered.code, answered.out) == (5, "")
    assert answered.err == "error: the device is gone\n  hint: fetch it\n"


@pytest.mark.usefixtures("scans")
def test_precision_backend_and_threads_are_handed_on(capsys: Capsys, bundle: Path) -> None:
    _, (record,) = records(capsys, bundle, "b.png", "--precision", "fp32", "--backend", "cpu", "--threads", 1)
    assert (record["precision"], record["backend"]) == ("fp32", "cpu")
    _, (record,) = records(capsys, bundle, "b.png")
    assert record["precision"] == "int8-cpu"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("form", ["--json", "--jsonl", "--csv", None])
def test_undecodable_file_name_is_answered(capsys: Capsys, bundle: Path, scans: Path, form: str | None) -> None:
    for data in (b"no image", png(scan())):
        (scans / os.fsdecode(b"odd\xff.png")).write_bytes(data)
        answered = edge_run(capsys, "predict", "--bundle", bundle, "odd*.png", *([form] if form else []))
        assert answered.code == (3 if data == b"no image" else 0)
        assert "odd?.png" in answered.out or "odd\\udcff.png" in answered.out


ALONE = """
import sys
opened = []
def watch(event, arguments):
    if event.startswith("socket.") or event == "pickle.find_class":
        opened.append(event)
sys.addaudithook(watch)
from edge_run.cli import main
try:
    main()
except SystemExit as stop:
    code = stop.code
heavy = {"torch", "torchvision", "lightning", "matplotlib", "onnx", "scipy", "edge_train", "edge_export"}
print(code or 0, sorted(heavy & set(sys.modules)), opened, file=sys.stderr)
"""


@pytest.mark.usefixtures("scans")
def test_without_torch_without_network_without_pickle(bundle: Path) -> None:
    command = [sys.executable, "-c", ALONE, "predict", "b.png", "--bundle", str(bundle), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == "0 [] []\n"
    assert json.loads(done.stdout)[0]["path"] == "b.png"


@pytest.mark.skipif(os.name != "posix", reason="a pipe that is closed is another error there")
@pytest.mark.parametrize("form", ["--jsonl", "--csv", None])
def test_reader_that_has_seen_enough_is_no_failure(bundle: Path, scans: Path, form: str | None) -> None:
    (scans / "bad.png").unlink()
    for seed in range(30):
        (scans / f"{seed}.png").write_bytes(png(scan(seed, (20, 20))))
    script = "from edge_run.cli import main; main()"
    command = [sys.executable, "-c", script, "predict", str(scans), "--bundle", str(bundle), *([form] if form else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        # Where all is answered before the pipe is found closed, the usual last line is there.
        assert process.stderr.read() in ("", "Tests only.\n")
        assert process.wait(120) == 0


def test_decode_limits_are_options(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    wide = np.zeros((5000, 5000), np.uint16)
    wide[::7] = 900
    (tmp_path / "wide.png").write_bytes(cv2.imencode(".png", wide)[1].tobytes())
    given = ("--no-case-log", tmp_path / "wide.png")
    assert records(capsys, bundle, *given)[0] == 0
    for option in (("--decode-memory", 64), ("--decode-seconds", 0.1)):
        code, (record,) = records(capsys, bundle, *option, *given)
        assert code == 3
        assert option[0] in record["error"]["hint"]


def test_decode_limits_are_those_of_the_library() -> None:
    limits = (_options.DECODE_SECONDS, _options.DECODE_MEMORY * 2**20)
    assert limits == (DEFAULT_LIMITS.max_seconds, DEFAULT_LIMITS.max_memory)
