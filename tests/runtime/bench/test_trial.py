"""One trial: what is timed, and what a process of its own answers."""

from __future__ import annotations

import itertools

import pytest

from edge_run.bench import processes
from edge_run.bench.job import Job
from edge_run.bench.record import Variant
from edge_run.bench.trial import WARM_UP, measure_trial, timed
from edge_run.errors import BackendError
from toy import png, replace_file, scan, write_toy_bundle

MEMBER = Variant("cpu", "fp32", "member", member="googlenet")
FULL = Variant("cpu", "fp32", "ensemble", exit="full")
PREDICT = Variant("cpu", "fp32", "predict", exit="full")


@pytest.fixture
def job(toy, tmp_path):
    (tmp_path / "a.png").write_bytes(png(scan()))

    def make(variant, *, count=3, bundle=toy):
        return Job(str(bundle), variant, 1, (str(tmp_path / "a.png"),), 0.0, count)

    return make


@pytest.mark.parametrize(("seconds", "count", "expected"), [(0.0, 3, 3), (5.0, 3, 5), (0.5, 1, 1)])
def test_both_time_and_count_are_reached(seconds, count, expected):
    answered = []

    def call(scan):
        answered.append(scan)
        return 2

    taken, asked = timed(call, ["a", "b"], seconds, count, clock=itertools.count().__next__)
    assert taken == [1] * expected
    assert asked == 2 * expected
    assert answered == list(itertools.islice(itertools.cycle("ab"), expected))


def test_only_answers_are_timed():
    now = iter([0.0, 1.0, 100.0, 103.0])
    assert timed(lambda _: 1, ["a"], 0.0, 2, clock=now.__next__)[0] == [1.0, 3.0]


@pytest.mark.parametrize(("variant", "asked"), [(MEMBER, 1), (FULL, 2), (PREDICT, 2)])
def test_load_first_and_warm_answers_are_apart(job, variant, asked, monkeypatch):
    monkeypatch.setattr("edge_run.bench.trial.meters", list)
    # Each look at the clock is as much later than the last as there were looks before.
    ticks = itertools.accumulate(itertools.count(1))
    found = measure_trial(job(variant), clock=lambda: float(next(ticks)))
    assert (found.load_ms, found.first_ms) == (2e3, 4e3)
    assert found.warm_ms == (6e3, 8e3, 10e3)
    assert found.seconds == 24.0
    assert found.members_run == asked
    assert found.peak_bytes is None or found.peak_bytes > 2**20


def test_the_first_answer_and_the_warm_up_are_not_counted(job, monkeypatch):
    answered = []
    from edge_run.backends import Runner

    run = Runner.run
    monkeypatch.setattr(Runner, "run", lambda self, batch: answered.append(1) or run(self, batch))
    assert len(measure_trial(job(MEMBER)).warm_ms) == 3
    assert len(answered) == 1 + WARM_UP + 3


def test_a_fresh_process_answers_as_this_one(job):
    found = processes.run_trial(job(PREDICT))
    assert found.error == ""
    assert len(found.trial.warm_ms) == 3


def test_what_goes_wrong_in_the_process_comes_back(job, tmp_path):
    folder = write_toy_bundle(tmp_path / "broken", members=2)
    replace_file(folder, "models/googlenet.fp32.onnx", b"no model")
    found = processes.run_trial(job(MEMBER, bundle=folder))
    assert found.trial is None
    assert "cannot load googlenet.fp32" in found.error
    assert "pip install --upgrade onnxruntime" in found.error


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("os.abort()", "signal 6"),
        ("print('half an answer'); os.write(2, b'no memory'); os._exit(3)", "exit code 3: no memory"),
    ],
)
def test_a_process_that_dies_is_an_outcome(job, monkeypatch, line, how):
    monkeypatch.setattr(processes, "_START", f"import os; {line}; #")
    found = processes.run_trial(job(MEMBER))
    assert found.trial is None
    assert how in found.error


def test_a_process_that_hangs_is_ended(job, monkeypatch):
    monkeypatch.setattr(processes, "_START", "import time; time.sleep(60); #")
    monkeypatch.setattr(processes, "LIMIT_S", 0.1)
    assert "it had not ended after" in processes.run_trial(job(MEMBER)).error


def test_cold_start_is_the_whole_command(job):
    now = iter([1.0, 1.5])
    assert processes.cold_start(job(PREDICT), clock=now.__next__) == 500.0


def test_cold_start_of_a_command_that_fails_says_so(job, tmp_path):
    with pytest.raises(BackendError, match="edge-run predict: the process ended with exit code 4"):
        processes.cold_start(job(PREDICT, bundle=tmp_path / "missing"))
