"""Two records beside each other."""

from __future__ import annotations

import json

import msgspec
import pytest

from edge_run import UsageError
from edge_run.bench.compare import compare, lines, load, require_common
from edge_run.bench.record import Variant

MEMBER = Variant("cpu", "fp32", "member", member="resnet18")
FULL = Variant("cpu", "fp32", "ensemble", exit="full")


def test_slower_than_the_bound_is_beyond_and_faster_never(record, result):
    old = record(result(MEMBER, 10.0), result(FULL, 10.0))
    found = compare(old, record(result(MEMBER, 12.1), result(FULL, 1.0)), 1.2)
    assert [(one.ratio, one.over_bound) for one in found.ratios] == [
        (pytest.approx(1.21), True),
        (pytest.approx(0.1), False),
    ]
    assert not compare(old, record(result(MEMBER, 11.9)), 1.2).ratios[0].over_bound


@pytest.mark.parametrize("p50", [None, 10.0], ids=["at once", "after some rounds"])
def test_what_worked_and_fails_now_is_beyond(record, result, p50):
    found = compare(record(result(MEMBER)), record(result(MEMBER, p50, error="broke")), 1.2)
    assert (found.ratios[0].ratio, found.ratios[0].over_bound) == (None, True)
    assert "failed" in lines(found)[2]


def test_what_only_one_of_them_measured_is_named(record, result):
    found = compare(record(result(MEMBER), result(FULL)), record(result(MEMBER)), 1.2)
    assert found.not_measured == (FULL,)
    assert lines(found)[-1] == "not measured now: cpu fp32 ensemble, full"


def test_other_machines_are_compared_and_the_difference_said(record):
    (said,) = compare(record(cpu="old CPU"), record(cpu="new CPU"), 1.2).differs
    assert said == "cpu: old CPU before, new CPU now"


def test_markdown_is_a_table(record):
    rows = [line for line in lines(compare(record(), record(), 0.5), markdown=True) if line.startswith("|")]
    assert len(rows) == 5
    assert "| OVER BOUND |" in rows[2]


def test_a_record_is_read_as_it_was_written(tmp_path, record):
    (tmp_path / "old.json").write_bytes(msgspec.json.encode(record()))
    assert load(tmp_path / "old.json") == record()


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "is not a record"),
        (b"\xff\xfe", "is not a record"),
        (b"[1]", "is not a record"),
        (b"{}", "is not a record"),
        (b'{"schema": 2}', "missing required field"),
        (b"[" * 100_000, "is not a record"),
        (b'{"schema": 0}', "has schema 0, this edge-run compares 2"),
        (b'{"schema": "1"}', "has schema '1'"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, raw, words):
    (tmp_path / "old.json").write_bytes(raw)
    with pytest.raises(UsageError, match=words):
        load(tmp_path / "old.json")


def test_a_record_of_no_time_is_refused(tmp_path, record):
    plain = msgspec.to_builtins(record())
    plain["results"][0]["summary"]["p50_ms"] = 0.0
    (tmp_path / "old.json").write_text(json.dumps(plain))
    with pytest.raises(UsageError, match="p50_ms"):
        load(tmp_path / "old.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "old.json")


def test_nothing_in_common_is_refused_beforehand(record, result):
    require_common(record(), [MEMBER])
    with pytest.raises(UsageError, match="measured none"):
        require_common(record(result(MEMBER, None, error="broke")), [MEMBER])
