"""Reports that are made in the background, and served from their folder alone."""

from __future__ import annotations

import os
import sys
import time

import pytest

from edge_run.serve.page.explanations import MAX_WAITING, NICE, REPORT, Explanations

WRITES = """
import pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]) / sys.argv[1]
folder.mkdir(parents=True)
(folder / "report.html").write_text(f"<p style='color:red'>explained: {' '.join(sys.argv[1:])}</p>")
"""
FAILS = "import sys; sys.exit('error: the scan was not kept')"
SLEEPS = "import time; time.sleep(60)"
CASE = "1m8atw3n772v"


def waits_for(condition):
    until = time.monotonic() + 30
    while not (found := condition()):
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def running(explanations):
    waits_for(lambda: explanations._running is not None)
    return explanations._running


@pytest.fixture
def explanations(tmp_path):
    made = []

    def make(script):
        command = (sys.executable, "-c", script)
        made.append(Explanations(tmp_path / "cases.sqlite", tmp_path / "reports", "toy", command))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def explained(client, monkeypatch):
    """The page, which starts a script in place of ``edge-run explain``."""

    def make(script):
        defaults = ((sys.executable, "-c", script),)
        monkeypatch.setattr(Explanations.__init__, "__defaults__", defaults)
        return client(explain=True)

    return make


def test_report_is_made_in_the_background_for_the_case_and_the_log(explanations, tmp_path):
    found = explanations(WRITES)
    assert found.state(CASE) == ""
    assert found.start(CASE) == "waiting"
    assert waits_for(lambda: found.state(CASE) == "done")
    text = found.report(CASE).read_text()
    assert f"{CASE} --out {tmp_path / 'reports'} --case-log {tmp_path / 'cases.sqlite'} --bundle toy" in text
    assert (tmp_path / "reports").stat().st_mode & 0o77 == 0
    assert found.start(CASE) == "done"


def test_failure_says_why_and_can_be_tried_again(explanations):
    found = explanations(FAILS)
    found.start(CASE)
    assert waits_for(lambda: found.state(CASE) == "failed")
    assert found.message(CASE) == "error: the scan was not kept"
    assert found.start(CASE) == "waiting"


def test_few_wait_at_a_time(explanations):
    found = explanations(SLEEPS)
    states = [found.start(f"1m8atw3n77{n}v") for n in range(MAX_WAITING + 1)]
    assert states == ["waiting"] * MAX_WAITING + ["full"]


def test_closing_ends_the_process_and_begins_no_other(explanations):
    found = explanations(SLEEPS)
    found.start(CASE)
    found.start("1m8atw3n7720")
    process = running(found)
    found.close()
    assert process.poll() is not None
    assert found.start("1m8atw3n7721") == ""


@pytest.mark.parametrize("case", ["", "..", "../cases", ".", "/etc", "a/../b", "il"])
def test_report_is_taken_from_the_folder_alone(explanations, tmp_path, case):
    (tmp_path / "reports").mkdir()
    (tmp_path / REPORT).write_text("outside")
    (tmp_path / "reports" / REPORT).write_text("outside")
    assert explanations(WRITES).report(case) is None


def test_link_out_of_the_folder_is_not_followed(explanations, tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / REPORT).write_text("outside")
    (tmp_path / "reports" / CASE).symlink_to(tmp_path / "elsewhere")
    assert explanations(WRITES).report(CASE) is None


# On the page


def test_page_starts_and_shows_a_report_under_a_policy_that_runs_nothing(explained, answered):
    browser, case = explained(WRITES), answered.ids[0]
    assert ">Explain<" in browser.get(f"/cases/{case}").text
    gone = browser.post(f"/cases/{case}/explain")
    assert (gone.status_code, gone.headers["location"]) == (303, f"/cases/{case}/explanation")
    report = browser.get(f"/cases/{case}/explanation")
    while "refresh" in report.headers:
        report = browser.get(f"/cases/{case}/explanation")
    assert report.text.startswith("<p style='color:red'>explained")
    policy = report.headers["content-security-policy"]
    assert {"default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "sandbox"} <= set(policy.split("; "))
    assert "script-src" not in policy
    assert "Open the explanation" in browser.get(f"/cases/{case}").text


def test_page_that_waits_looks_again_until_it_is_told_not_to(explained, answered):
    browser, path = explained(SLEEPS), f"/cases/{answered.ids[0]}"
    browser.post(f"{path}/explain")
    assert browser.get(f"{path}/explanation").headers["refresh"] == "5"
    assert "refresh" not in browser.get(f"{path}/explanation?stay=1").headers
    assert "The explanation is being made" in browser.get(path).text


def test_page_says_why_a_case_could_not_be_explained(explained, answered):
    browser, path = explained(FAILS), f"/cases/{answered.ids[0]}"
    browser.post(f"{path}/explain")
    waits_for(lambda: "the scan was not kept" in browser.get(f"{path}/explanation").text)


def test_nothing_is_offered_without_the_extra_or_the_scan(client, answered):
    assert ">Explain<" not in client().get(f"/cases/{answered.ids[0]}").text
    browser = client(explain=True)
    assert ">Explain<" not in browser.get(f"/cases/{answered.ids[3]}").text
    refused = client().post(f"/cases/{answered.ids[0]}/explain")
    assert refused.status_code == 400
    assert "edge-run[explain]" in refused.text


def test_explaining_leaves_the_processor_to_the_answers(explanations):
    found = explanations(SLEEPS)
    found.start(CASE)
    process = running(found)
    waits_for(lambda: os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0) + NICE)
