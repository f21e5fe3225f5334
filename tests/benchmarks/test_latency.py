"""The latency benchmarks on toys: who wins, what is said, and that a peer in trouble is a row and not the end."""

import argparse
import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from benchmarks import interleave
from benchmarks.interleave import Stop
from benchmarks.latency import __main__ as latency
from benchmarks.latency import frontier, gemm, peers, targets, tournament
from benchmarks.latency.peers import Form, limit, material, openvino
from edge_run import Bundle
from toy import scan, write_toy_bundle


class Clock:
    """Stands still but where a way passes time."""

    now = 0.0

    def __call__(self):
        return self.now

    def way(self, log, name, *seconds):
        takes = itertools.cycle(seconds)

        def call():
            log.append(name)
            self.now += next(takes)
            return []

        return call


def test_ways_take_turns_there_and_back_and_the_first_call_does_not_count():
    clock, log = Clock(), []
    ways = {"a": clock.way(log, "a", 5.0, 0.001, 0.002), "b": clock.way(log, "b", 0.01)}
    taken = interleave.interleave(ways, Stop(2, 0.0, calls=2), clock=clock)
    assert log == list("aaabbb" + "bbbaaa")
    assert taken["a"] == [pytest.approx([1, 2]), pytest.approx([1, 2])]
    assert interleave.ratios(taken["b"], taken["a"]) == pytest.approx([10 / 1.5] * 2)


def test_both_rounds_and_seconds_are_reached():
    clock = Clock()
    ways = {"a": clock.way([], "a", 1.0)}
    assert len(interleave.interleave(ways, Stop(1, 9.5, calls=1), clock=clock)["a"]) == 5
    assert len(interleave.interleave(ways, Stop(4, 0.0, calls=1), clock=clock)["a"]) == 4


@pytest.fixture
def bundle(tmp_path):
    return Bundle(write_toy_bundle(tmp_path / "toy"))


@pytest.fixture
def toys(bundle, tmp_path, monkeypatch):
    """A bundle of toys, which also stand in for the networks that the benchmark would export."""
    fp32 = [bundle.path / member.artefacts["fp32"].file.path for member in bundle.manifest.members]
    monkeypatch.setattr(material.Material, "fp32", fp32)
    monkeypatch.setattr(material.Material, "int8_trt", fp32)
    monkeypatch.setattr(material.Material, "prepare", lambda _: None)
    monkeypatch.setattr(material.Material, "_originals_answer", material.Material._bundle_answers)
    return material.Material(bundle, tmp_path / "work")


def answering(value, log):
    def open_(stack):
        stack.callback(log.append, value)
        return lambda: [np.full((1, 2), value, np.float32)]

    return open_


def refusing(_stack):
    raise ImportError("No module named 'peer'")


def test_fastest_form_stays_open_and_the_others_are_closed(toys, monkeypatch):
    closed = []
    forms = [Form("peer", "FP32", f"form {n}", answering(n, closed)) for n in range(3)]
    times = {0: [[3.0], [3.0]], 1: [[1.0], [1.0]], 2: [[2.0], [2.0]]}
    monkeypatch.setattr(tournament, "interleave", lambda *_: times)
    tried, best = tournament.compete(forms, toys, Stop(1, 0.0))
    assert best.form.how == "form 1"
    assert closed == [0, 2]
    assert [t.ms for t in tried] == [3, 1, 2]


def test_scale_counts_when_the_fastest_is_chosen(toys, monkeypatch):
    forms = [
        Form("limit", "INT8", how, answering(1, []), scale=scale) for how, scale in (("small", 10.0), ("big", 2.0))
    ]
    monkeypatch.setattr(tournament, "interleave", lambda *_: {0: [[1.0]], 1: [[3.0]]})
    assert tournament.compete(forms, toys, Stop(1, 0.0))[1].form.how == "big"


def test_peer_that_cannot_be_opened_says_why(toys):
    tried, best = tournament.compete([Form("peer", "FP32", "", refusing)], toys, Stop(1, 0.0))
    assert best is None
    assert tried[0].why == "No module named 'peer'"
    assert not tried[0].blocks


def test_form_that_answers_otherwise_is_not_timed(toys):
    def open_(_):
        return lambda: [logits + 1 for logits in toys.reference("fp32")]

    opened = peers.open_form(Form("peer", "FP32", "", open_, "fp32"), toys)
    assert opened.call is None
    assert "answers otherwise" in opened.why


def test_form_of_broken_numbers_is_not_timed(toys):
    assert "not finite" in peers.open_form(Form("peer", "FP32", "", answering(np.nan, [])), toys).why


@pytest.mark.parametrize(
    ("target", "slower", "faster", "reached"),
    [
        (targets.Target("", "s", "f", 2.0), [[4.0], [4.2]], [[2.0], [2.0]], True),
        (targets.Target("", "s", "f", 2.0), [[3.8], [3.9]], [[2.0], [2.0]], False),
        (targets.Target("", "s", "f", 2.0, at_least=False), [[3.8], [3.9]], [[2.0], [2.0]], True),
    ],
)
def test_target_is_judged_by_the_rounds_ratios(target, slower, faster, reached):
    assert target.reached(targets.judge(target, {"s": slower, "f": faster})) == reached
    assert targets.judge(target, {"s": slower}) is None


def test_early_exit_is_judged_by_the_time_of_all_scans():
    target = targets.Target("", "full", "certified", 1.5)
    assert targets.judge(target, {"full": [[10, 10]], "certified": [[1, 19]]}).median == 1


@pytest.fixture
def data(tmp_path):
    rows = ["path,label,split,group"]
    for split, label, n in itertools.product(("train", "val", "test"), ("covid", "non_covid"), range(2)):
        name = f"{split}-{label}-{n}.png"
        cv2.imwrite(str(tmp_path / name), scan(len(rows)))
        rows.append(f"{name},{label},{split},g{len(rows)}")
    (tmp_path / "splits.csv").write_text("\n".join(rows))
    return tmp_path


def test_latency_says_what_was_measured_and_what_not(toys, data, tmp_path, capsys):
    out = tmp_path / "out" / "latency.json"
    arguments = argparse.Namespace(
        bundle=str(toys.bundle.path), run=None, work=tmp_path / "work", peers=["ours", "ort"],
        trial_rounds=1, rounds=2, seconds=0.0, data=[data], scans=2, passes=2, processes=0, json=out,
        plot=tmp_path / "out" / "latency",
    )  # fmt: skip
    latency.main(arguments)
    said = capsys.readouterr().out
    for name in ("edge-run, INT8", "ONNX Runtime, defaults, FP32"):
        assert f"| {name} | " in said
    assert "PyTorch eager FP32 over edge-run INT8 | ≥ 5.0 | not measured | |" in said
    record = json.loads(out.read_text())
    assert [len(blocks) for blocks in record["blocks"].values()] == [2] * len(record["blocks"])
    assert [len(block) for block in record["blocks"]["certified"]] == [2, 2]
    assert {"full", "certified", "edge-run, INT8"} <= record["blocks"].keys()
    assert record["machine"]["cores"] >= 1
    assert (tmp_path / "out" / "latency.png").stat().st_size
    assert (tmp_path / "out" / "latency.svg").stat().st_size


def test_every_way_of_openvino_gives_the_networks_answers(toys):
    pytest.importorskip("openvino")
    forms = [form for form in openvino.forms(toys) if form.like]
    assert len([form for form in forms if form.precision in ("INT8", "FP32")]) == 6

    def tried():
        for opened in [peers.open_form(form, toys) for form in forms]:
            opened.stack.close()
            yield opened.why

    # OpenVINO gives the thread that compiles a stack for signals and frees it: after that, Ctrl-C there is the end.
    with ThreadPoolExecutor(1) as apart:
        assert apart.submit(list, tried()).result() == [""] * len(forms)


def test_frontier_has_every_precision_exit_and_member(bundle, data, tmp_path, capsys):
    frontier.main(
        argparse.Namespace(bundle=bundle.path, data=[data], split="test", scans=None, plot=tmp_path / "frontier")
    )
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith(("| fp32", "| int8-cpu"))]
    assert len(rows) == 2 * (2 + len(bundle.manifest.members))
    right = {tuple(row.split(" | ")[:2]): row.split(" | ")[-1] for row in rows}
    assert right["| fp32", "all members"] == right["| fp32", "certified exit"]
    assert (tmp_path / "frontier.png").stat().st_size


@pytest.mark.parametrize("product", gemm.PRODUCTS, ids=lambda p: f"{p.library} {p.precision}")
def test_products_multiply(product):
    found = product.make(32, 1)()
    array = np.asarray(found[0] if isinstance(found, list) else found)
    assert array.shape == (32, 32)
    assert array.any()
    assert (array.dtype.kind == "i") == (product.precision == "INT8")


def test_limit_stands_for_the_networks_multiply_adds(toys):
    forms = limit.forms(toys)
    assert {form.precision for form in forms} == {"FP32", "INT8"}
    assert forms[0].scale == pytest.approx(sum(toys.macs) / gemm.SIDES[0] ** 3)
