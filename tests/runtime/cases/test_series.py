"""Answers to whole series in the case log."""

from __future__ import annotations

import msgspec
import pytest

from edge_run.cases import CaseLog, CaseLogError, cases, find, verify
from edge_run.cases.notes import note
from edge_run.cases.purge import last_purge, purge
from edge_run.cases.series import LoggedObject, SeriesFacts, append_objects, append_series, series_entries
from edge_run.errors import UsageError
from edge_run.voting.prediction import Source
from toy import edge_run

FACTS = SeriesFacts(
    inputs_sha256="a" * 64,
    finding="present",
    positive="covid",
    label="covid",
    probability=0.9371234567890123,
    interval=(0.9, 0.95),
    flags=({"name": "few-slices", "reason": "2 slices, fewer than 3"},),
    failure="",
    slices=2,
    unreadable=1,
    answer_version=1,
    source={"bundle": "toy", "bundle_sha256": "b" * 64, "precision": "fp32", "backend": "cpu", "version": "1"},
)
FAILED = SeriesFacts(
    "c" * 64, "indeterminate", "covid", None, None, None, (), "no image could be decoded.", 0, 3, 1, FACTS.source
)
OBJECT = LoggedObject("SR", "1" * 64, "2" * 64, "3" * 64)


@pytest.fixture
def log(tmp_path):
    with CaseLog.open(tmp_path / "cases.sqlite") as opened:
        yield opened


def test_answer_and_its_objects_are_read_back_and_chained(log):
    logged = append_series(log, FACTS)
    assert logged.hash == log.head().hash
    append_objects(log, logged.case, [OBJECT])
    (entry,) = series_entries(log)
    assert (entry.logged, entry.facts, entry.objects) == (logged, FACTS, (OBJECT,))
    assert verify(log).faults == []
    assert verify(log).counts == {"series": 1, "objects": 1}


def test_answer_that_a_crash_left_without_objects_is_not_logged_twice(log):
    first = append_series(log, FACTS)
    assert append_series(log, FACTS) == first
    append_objects(log, first.case, [OBJECT])
    assert append_series(log, FACTS) != first
    assert len(list(series_entries(log))) == 2


def test_answer_is_known_again_by_every_field_of_its_source(log):
    source = msgspec.to_builtins(Source("toy", "b" * 64, "fp32", "cpu", "1", (), "d" * 64))
    full = msgspec.structs.replace(FACTS, source=source)
    assert append_series(log, full) == append_series(log, full)
    assert next(series_entries(log)).facts.source == {**source, "skipped_backends": []}


def test_another_answer_is_another_entry(log):
    assert append_series(log, FACTS) != append_series(log, FAILED)


def test_log_has_no_uid_and_nothing_of_a_patient(log):
    append_objects(log, append_series(log, FACTS).case, [OBJECT])
    text = " ".join(entry for (entry,) in log.connection.execute("SELECT entry FROM entries"))
    assert not [word for word in ("2.25.", "1.2.840", "Patient", "Study", "Accession") if word in text]


def test_altered_answer_is_found_and_left_out(log):
    append_series(log, FACTS)
    log.connection.execute("""UPDATE entries SET entry = replace(entry, '"slices":2', '"slices":"two"')""")
    assert list(series_entries(log)) == []
    assert [fault.kind for fault in verify(log).faults] == ["altered"]
    damaged: list[int] = []
    assert list(cases(log, series=True, damaged=damaged)) == []
    assert damaged == [1]
    with pytest.raises(CaseLogError, match="damaged"):
        find(log, log.connection.execute("SELECT id FROM entries").fetchone()[0])


def test_cases_are_listed_with_series_only_where_asked_for(log):
    logged = append_series(log, FACTS)
    damaged: list[int] = []
    assert list(cases(log, damaged=damaged)) == []
    assert damaged == []
    assert [case["id"] for case in cases(log, series=True)] == [logged.case]


def test_notes_say_what_a_series_shows(log):
    logged = append_series(log, FACTS)
    noted = note(log, logged.case, label="absent", remark="PCR negative")
    assert noted["notes"][0]["label"] == "absent"
    with pytest.raises(UsageError, match="no label"):
        note(log, logged.case, label="covid", remark="")


def test_purge_takes_answers_with_their_objects(log):
    assert last_purge(log) == ""
    append_objects(log, append_series(log, FACTS).case, [OBJECT])
    assert purge(log, "2999-01-01T00:00:00.000Z").cases == 1
    assert list(series_entries(log)) == []
    assert verify(log).faults == []
    assert last_purge(log) == "2999-01-01T00:00:00.000Z"


def test_commands_show_series(tmp_path, capsys, log):
    logged, failed = append_series(log, FACTS), append_series(log, FAILED)
    note(log, logged.case, label="present", remark="")
    options = ("--case-log", tmp_path / "cases.sqlite")
    listed = edge_run(capsys, "cases", "list", *options)
    lines = listed.out.splitlines()
    assert lines[1].split()[3:] == ["failed", "toy", "series", "of", "0"]
    assert "present" in lines[2].split()
    assert "series of 2   flags: few-slices" in lines[2]
    assert lines[2].index("toy") == lines[0].index("bundle")
    assert "90%-95%" in lines[2]
    shown = edge_run(capsys, "cases", "show", logged.case, *options).out
    assert "answered by the DICOM node" in shown
    assert "2 slices answered, 1 could not be read; version 1" in shown
    assert "noted" in shown
    assert "no answer: no image could be decoded." in edge_run(capsys, "cases", "show", failed.case, *options).out
    assert "1 note, 2 answers to series" in edge_run(capsys, "cases", "verify", *options).out
    as_csv = edge_run(capsys, "cases", "list", "--csv", *options)
    assert (as_csv.code, "series" in as_csv.out) == (0, False)
