"""What a person reads: table, Markdown, picture."""

from __future__ import annotations

import matplotlib as mpl
import matplotlib.figure
import pytest

from edge_run.bench import plot, table
from edge_run.bench.record import Variant

MEMBER = Variant("cpu", "fp32", "member", member="resnet18")
FULL = Variant("cpu", "fp32", "ensemble", exit="full")
PREDICT = Variant("openvino", "fp32", "predict", exit="certified")


def test_rows_are_grouped_and_columns_aligned(record):
    lines = table.text(record()).splitlines()
    (head,) = [line for line in lines if "ms p50" in line]
    rows = {
        line[: line.index("  ", 2)].strip(): line
        for line in lines
        if line.startswith("  r") or "ensemble, full" in line
    }
    for row in rows.values():
        assert row.index("10.00" if "resnet18" in row else "20.00") + 5 == head.index("ms p50") + len("ms p50")
    assert lines.index("cpu fp32") < lines.index(rows["resnet18"]) < lines.index("openvino fp32")


def test_conditions_stand_above(record):
    said = "\n".join(table.head(record()))
    for words in ("some CPU", "performance", "2 threads on cores 0-1,3", "1.5 by the cgroup", "8 synthetic scans"):
        assert words in said


def test_unsteady_failed_and_left_out_are_said(record, result, trial):
    from edge_run.bench.summary import summarise

    trials = tuple(trial(ms) for ms in (10.0, 20.0, 10.0))
    shaken = type(result(MEMBER))(MEMBER, {"resnet18": 2}, 1, summarise(trials), trials)
    said = table.text(record(shaken, result(FULL, None, error="engine missing")))
    assert "50.0%!" in said
    assert "UNSTEADY (!): the trial medians spread over more than 10% in 1 of 1" in said
    assert "failed: cpu fp32 ensemble, full: engine missing" in said
    assert "skipped: cuda: no GPU" in said


def test_energy_is_given_or_not_available(record, result):
    assert "energy: not available" in table.text(record())
    told = table.text(record(result(MEMBER, energy_j={"rapl 0 package-0": 5.0})))
    assert "  J " in told
    assert " 2.5 " in told, "two answers a trial"
    assert "energy: rapl 0 package-0" in told


def test_certified_exit_on_synthetic_scans_is_no_promise(record):
    assert "give scans of your own" in table.text(record())
    assert "give scans of your own" not in table.text(record(synthetic=False))
    assert "2.0/2" in table.text(record()), "members that answered"


def test_markdown_is_one_table_of_equal_rows(record):
    rows = [line for line in table.markdown(record()).splitlines() if line.startswith("|")]
    assert len({row.count("|") for row in rows}) == 1
    assert [row.split("|")[3].strip() for row in rows[2:]] == ["resnet18", "ensemble, full", "predict, certified"]
    assert "| 30.00 |" in rows[-1]
    assert "| 400 |" in rows[-1]


@pytest.mark.parametrize(("numbers", "said"), [((), ""), ((3,), "3"), ((0, 1, 2, 5, 7, 8), "0-2,5,7-8")])
def test_ranges(numbers, said):
    assert table.ranges(numbers) == said


def test_plot_writes_both_files_the_same_each_time(tmp_path, record, result):
    found = record(result(MEMBER), result(PREDICT))
    first = [path.read_bytes() for path in plot.draw(found, tmp_path / "a.b", mpl)]
    again = [path.read_bytes() for path in plot.draw(found, tmp_path / "c", mpl)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.b.png", "a.b.svg", "c.png", "c.svg"]
    assert first == again
    assert first[0].startswith(b"\x89PNG")
    assert b"<svg" in first[1]


def test_row_says_what_computes(record, result):
    half = Variant("openvino", "fp16", "member", member="resnet18")
    found = record(result(half), result(MEMBER))
    assert "openvino fp16, computed in fp32" in table.text(found)
    assert "- openvino fp16, computed in fp32" in table.markdown(found)
    assert "cpu fp32, computed in" not in table.text(found)
