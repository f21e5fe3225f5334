"""The queue of a review."""

from __future__ import annotations

import pytest

from edge_run.cases import CaseLog, review
from edge_run.cases.notes import note


@pytest.fixture
def filled(log, answer):
    """Five cases, of which the first, third and fifth are flagged; the third has a note."""
    ids = [log.append(answer(flags=("blank",) if n % 2 == 0 else ())) for n in range(5)]
    note(log, ids[2], label="covid", remark="")
    return log, ids


def names(cases):
    return [case["id"] for case in cases]


def test_newest_flagged_cases_come_first(filled):
    log, ids = filled
    assert names(review.older(log, limit=9)) == [ids[4], ids[2], ids[0]]
    assert names(review.older(log, limit=2)) == [ids[4], ids[2]]


def test_cases_with_a_note_do_not_wait(filled):
    log, ids = filled
    assert names(review.older(log, limit=9, waiting=True)) == [ids[4], ids[0]]
    assert review.length(log) == (3, 2)


def test_neighbours_are_found_in_both_directions(filled):
    log, ids = filled
    middle = review.older(log, limit=9)[1]["seq"]
    assert names(review.newer(log, middle, limit=1)) == [ids[4]]
    assert names(review.older(log, middle, limit=1)) == [ids[0]]
    assert names(review.older(log, 1, limit=1)) == []


def test_empty_log_has_an_empty_queue(log):
    assert review.length(log) == (0, 0)
    assert review.older(log, limit=5) == []


@pytest.mark.parametrize("waiting", [False, True])
def test_damaged_entry_hides_no_other(path, answer, waiting):
    with CaseLog.open(path) as log:
        ids = [log.append(answer(flags=("blank",), scan=str(n) * 64)) for n in range(4)]
        note(log, ids[2], label="covid", remark="")
    text = path.read_bytes()
    at = text.index(b'"scan_sha256":"' + b"1" * 64)
    # A quote in the middle of the second case: it is no JSON any more, and SQLite's own search stops at it.
    path.write_bytes(text[: at + 20] + b'"' + text[at + 21 :])
    expected = [ids[3], ids[0]] if waiting else [ids[3], ids[2], ids[0]]
    with CaseLog.existing(path) as read:
        assert names(review.older(read, limit=9, waiting=waiting)) == expected
        assert names(review.newer(read, 1, limit=9, waiting=waiting)) == expected[-2::-1]
        assert review.length(read) == (3, 2)
