"""What a clinician says afterwards."""

import pytest

from edge_run.cases import reading
from edge_run.cases.agreement import agreement
from edge_run.cases.chain import verify
from edge_run.cases.notes import note
from edge_run.errors import UsageError


def test_note_stands_beside_the_case(log, answer):
    case_id = log.append(answer())
    before = log.connection.execute("SELECT entry, hash FROM entries").fetchall()
    found = note(log, case_id[-4:], label="non_covid", remark="PCR negative \u2713")
    assert log.connection.execute("SELECT entry, hash FROM entries WHERE kind = 'case'").fetchall() == before
    assert [(one["label"], one["remark"]) for one in found["notes"]] == [("non_covid", "PCR negative \u2713")]
    note(log, case_id, label=None, remark="seen by a second reader")
    (case,) = reading.cases(log)
    assert [one["label"] for one in case["notes"]] == ["non_covid", None]
    assert verify(log).faults == []
    assert verify(log).counts == {"case": 1, "note": 2}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"label": "flu", "remark": ""}, "has no label 'flu'"),
        ({"label": None, "remark": ""}, "nothing to note"),
        ({"label": None, "remark": "x" * 2001}, "more than 2000"),
    ],
)
def test_note_that_makes_no_sense(log, answer, given, said):
    case_id = log.append(answer())
    with pytest.raises(UsageError, match=said):
        note(log, case_id, **given)
    assert verify(log).counts == {"case": 1}


def test_remark_of_undecodable_bytes(log, answer):
    assert note(log, log.append(answer()), label=None, remark="caf\udce9")["notes"][0]["remark"] == "caf?"


def test_abbreviations(log, answer, monkeypatch):
    times, endings = iter((2**40, 2**40 + 1, 2**41)), iter((b"\1\2\3", b"\1\2\4", b"\1\2\5"))
    monkeypatch.setattr("edge_run.cases.log.now_ms", lambda: next(times))
    monkeypatch.setattr("os.urandom", lambda _: next(endings))
    first, second, third = (log.append(answer()) for _ in range(3))
    assert reading.find(log, third[:3])["id"] == third
    assert reading.find(log, third.upper())["id"] == third
    assert reading.find(log, first[8:])["id"] == first
    with pytest.raises(UsageError, match=f"several cases match {first[:5]}: {second}, {first}"):
        reading.find(log, first[:5])
    for nonsense in ("", "*", "I am no id", "zzzzz"):
        with pytest.raises(UsageError, match=r"no.* case"):
            reading.find(log, nonsense)


def test_agreement():
    found = agreement([("a", "a")] * 8 + [("a", "b")] * 2 + [("a", None)] * 5)
    assert (found.noted, found.agreed, found.share) == (10, 8, 0.8)
    # Newcombe (1998) and many tables: 8 of 10.
    assert (found.low, found.high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert agreement([("a", None)]).share is None
