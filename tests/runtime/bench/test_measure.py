"""Which variant has a trial, when, and with what."""

from __future__ import annotations

import itertools

import pytest

from edge_run import BackendError, Bundle, InputError, UsageError
from edge_run.bench import scans
from edge_run.bench.job import Outcome
from edge_run.bench.measure import WINDOW, Budget, Processes, measure
from edge_run.bench.record import Variant
from edge_run.bench.scans import Scans
from toy import png, scan

A, B = (Variant("cpu", "fp32", "member", member=name) for name in ("resnet18", "googlenet"))
PREDICT = Variant("cpu", "fp32", "predict", exit="full")
FILES = tuple(f"{n}.png" for n in range(5))


@pytest.fixture
def measured(toy, trial):
    """Measure with trials that come from a function; give back the results and the jobs."""

    def run(variants, answer=lambda _: Outcome(trial(1.0, 2.0, 3.0)), cold=lambda _: 7.0):
        jobs, told = [], []
        fresh = Processes(lambda job: jobs.append(job) or answer(job), cold)
        taken = Scans(FILES, "0" * 64, synthetic=False)
        found = measure(Bundle(toy), variants, taken, Budget(4, 8.0, 10), 2, fresh, lambda *said: told.append(said))
        return found, jobs, told

    return run


def test_rounds_run_forth_and_back(measured):
    _, jobs, told = measured([A, B])
    assert [job.variant for job in jobs] == [A, B, B, A, A, B, B, A]
    assert told == [(job.variant, n, 8) for n, job in enumerate(jobs)]


def test_rounds_share_time_and_count_and_scans_go_on(measured):
    _, jobs, _ = measured([A])
    assert {(job.seconds, job.count, job.threads) for job in jobs} == {(2.0, 3, 2)}
    # Three answers a trial, so that each trial begins three scans on.
    assert [job.scans[0] for job in jobs] == ["0.png", "3.png", "1.png", "4.png"]
    assert all(sorted(job.scans) == sorted(FILES) for job in jobs)


def test_a_trial_reads_no_more_than_a_window():
    many = Scans(tuple(map(str, range(100))), "", synthetic=False)
    assert many.window(190, WINDOW) == (*map(str, range(90, 100)), *map(str, range(22)))


def test_one_that_fails_is_recorded_and_stops_no_other(measured, trial):
    answers = {A: itertools.repeat(Outcome(trial(1.0))), B: iter([Outcome(trial(2.0)), Outcome(None, "it broke")])}
    (a, b), jobs, _ = measured([A, B], lambda job: next(answers[job.variant]))
    assert (a.error, len(a.trials)) == ("", 4)
    assert (b.error, len(b.trials), b.summary.p50_ms) == ("it broke", 1, 2.0)
    assert [job.variant for job in jobs].count(B) == 2, "no further trial"


def test_each_row_has_the_size_of_what_it_loads(measured, toy):
    (a, predict), _, _ = measured([A, PREDICT])
    sizes = {m.id: m.artefacts["fp32"].file.bytes for m in Bundle(toy).manifest.members}
    assert [found.artefact_bytes for found in (a, predict)] == [sizes[A.member], sum(sizes.values())]


def test_one_that_never_worked_has_no_figures(measured):
    ((found,), _, _) = measured([A], lambda _: Outcome(None, "it broke"))
    assert (found.summary, found.trials, found.error) == (None, (), "it broke")


def test_the_whole_command_is_timed_of_predict_alone(measured):
    (a, predict), _, _ = measured([A, PREDICT])
    assert [found.summary.cold_ms for found in (a, predict)] == [None, 7.0]


def test_a_command_that_fails_fails_the_variant(measured):
    def cold(_):
        raise BackendError("no answer")

    ((found,), _, _) = measured([PREDICT], cold=cold)
    assert (found.error, found.summary) == ("no answer", None)


def test_drawings_are_the_same_each_time(tmp_path):
    (tmp_path / "other").mkdir()
    first, again = scans.take([], tmp_path), scans.take([], tmp_path / "other")
    assert first.synthetic
    assert (len(first.paths), first.sha256) == (scans.SYNTHETIC, again.sha256)


def test_of_many_scans_some_are_taken_evenly(tmp_path, monkeypatch):
    monkeypatch.setattr(scans, "MOST", 3)
    for n in range(7):
        (tmp_path / f"{n}.png").write_bytes(png(scan(n)))
    found = scans.take([str(tmp_path)], tmp_path)
    assert [path[-5:] for path in found.paths] == ["0.png", "3.png", "6.png"]
    assert not found.synthetic


def test_scans_that_cannot_be_measured_are_refused(tmp_path):
    with pytest.raises(UsageError, match="standard input"):
        scans.take(["-"], tmp_path)
    for given in ("missing.png", "nothing*.png"):
        with pytest.raises(InputError):
            scans.take([str(tmp_path / given)], tmp_path)
