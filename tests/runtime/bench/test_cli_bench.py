"""The command: what it prints, writes and refuses. No time passes: trials come from a function."""

from __future__ import annotations

import json
import sys

import pytest

from edge_run.bench import processes
from edge_run.bench.job import Outcome
from toy import edge_run, png, scan, write_toy_bundle

CPU = ("--backend", "cpu", "--precision", "fp32")


@pytest.fixture
def trials(monkeypatch, trial):
    """Turns whose answers take so many milliseconds, or fail; the jobs they were given."""
    jobs = []
    taken = {"ms": 10.0}

    def take(job):
        jobs.append(job)
        return Outcome(None, "it broke") if taken["ms"] is None else Outcome(trial(*[taken["ms"]] * 3))

    monkeypatch.setattr(processes, "run_trial", take)
    monkeypatch.setattr(processes, "cold_start", lambda _: 500.0)
    return jobs, taken


@pytest.mark.usefixtures("trials")
def test_json_is_one_record_with_all_that_is_needed_to_read_it(toy, capsys):
    answered = edge_run(capsys, "bench", toy, *CPU, "--threads", 2, "--json")
    found = json.loads(answered.out)
    assert (answered.code, answered.err) == (0, "")
    assert (found["schema"], found["bundle"]) == (2, "toy")
    assert {"cpu", "cores", "backends", "packages"} <= set(found["machine"])
    assert found["conditions"]["threads"] == 2
    assert found["command"].startswith("edge-run bench toy --backend cpu")
    assert [one["variant"]["member"] or one["variant"]["exit"] for one in found["results"]] == [
        "resnet18", "googlenet", "full", "full", "certified", "certified",
    ]  # fmt: skip
    assert found["results"][0]["trials"][2]["warm_ms"] == [10.0] * 3
    assert found["results"][2]["threads"] == {"resnet18": 1, "googlenet": 1}
    assert found["results"][3]["summary"]["cold_ms"] == 500.0
    assert "comparison" not in found


@pytest.mark.usefixtures("trials")
def test_table_markdown_and_files(toy, tmp_path, capsys):
    out, stem = tmp_path / "now.json", tmp_path / "plot"
    answered = edge_run(capsys, "bench", toy, *CPU, "--out", out, "--plot", stem)
    assert answered.code == 0
    assert "ms p50" in answered.out
    assert answered.err.splitlines() == [f"written to {path}" for path in (out, f"{stem}.png", f"{stem}.svg")]
    assert json.loads(out.read_bytes())["schema"] == 2
    assert "| cpu | fp32 | resnet18 | 10.00 |" in edge_run(capsys, "bench", toy, *CPU, "--markdown").out


def test_given_scans_are_measured_and_not_named(trials, toy, tmp_path, capsys):
    jobs, _ = trials
    (tmp_path / "doe_jane.png").write_bytes(png(scan()))
    answered = edge_run(capsys, "bench", toy, tmp_path / "doe_jane.png", *CPU, "--json")
    assert {job.scans for job in jobs} == {(str(tmp_path / "doe_jane.png"),)}
    assert "doe_jane" not in answered.out
    assert json.loads(answered.out)["conditions"]["synthetic"] is False


def test_slower_than_before_is_exit_6_after_the_ratios(trials, toy, tmp_path, capsys):
    _, taken = trials
    old = tmp_path / "old.json"
    edge_run(capsys, "bench", toy, *CPU, "--out", old)
    taken["ms"] = 13.0
    answered = edge_run(capsys, "bench", toy, *CPU, "--compare", old)
    assert answered.code == 6
    assert "1.30  OVER BOUND" in answered.out
    assert "6 of 6 are over 1.2 times" in answered.err
    answered = edge_run(capsys, "bench", toy, *CPU, "--compare", old, "--bound", 1.4, "--json")
    assert answered.code == 0
    assert {one["ratio"] for one in json.loads(answered.out)["comparison"]["ratios"]} == {1.3}


def test_nothing_measured_is_exit_5_with_the_reason(trials, toy, tmp_path, capsys):
    trials[1]["ms"] = None
    answered = edge_run(capsys, "bench", toy, *CPU, "--plot", tmp_path / "plot")
    assert answered.code == 5
    assert "nothing could be measured: it broke" in answered.err
    assert "failed: cpu fp32 resnet18: it broke" in answered.out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--precision", "int4"], 2, "choose from fp32, int8-cpu"),
        (["--backend", "tpu"], 2, "backend 'tpu'"),
        (["--json", "--markdown"], 2, "more than one output format"),
        (["--compare", "missing.json"], 2, "missing.json cannot be read"),
        (["--out", "no/such/folder.json"], 2, "its folder does not exist"),
        (["--out", "/"], 2, "it is a folder"),
        (["missing.png"], 3, "missing.png"),
    ],
)
def test_requests_that_make_no_sense_stop_before_anything_is_measured(trials, toy, capsys, arguments, code, words):
    answered = edge_run(capsys, "bench", toy, *arguments)
    assert answered.code == code
    assert words in answered.err
    assert trials[0] == []


def test_a_damaged_bundle_stops_all(trials, tmp_path, capsys):
    folder = write_toy_bundle(tmp_path / "damaged")
    (folder / "models" / "resnet50.fp32.onnx").write_bytes(b"")
    assert edge_run(capsys, "bench", folder, *CPU).code == 4
    assert trials[0] == []


def test_plot_without_matplotlib_says_what_to_install_first(trials, toy, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "matplotlib.figure", raising=False)
    answered = edge_run(capsys, "bench", toy, "--plot", tmp_path / "plot")
    assert answered.code == 5
    assert "pip install 'edge-run[train]'" in answered.err
    assert trials[0] == []
