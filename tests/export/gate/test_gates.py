"""Artefacts that decide otherwise than their originals are refused, or repaired."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge_export.gate.artefact import build_artefact
from edge_export.gate.compile import compile_member, compile_vote
from edge_export.gate.float_fallback import FloatFallback
from edge_export.gate.gain import Gain
from edge_export.gate.gate import in_words, judge
from edge_export.gate.output import MemberOutput
from edge_export.gate.precisions import RECIPES, Tolerance, chosen
from edge_export.gate.trained_member import TrainedMember
from edge_export.graphs.int8_trt import quantise_for_tensorrt
from edge_export.graphs.ranges import measure_ranges
from edge_export.graphs.simulate import Simulation
from edge_export.reporter import Reporter
from edge_export.scans.export_scans import ExportScans, ValidationScans
from edge_run.bundle.manifest import Parity
from edge_run.calibration.temperature import fit_temperature
from edge_run.voting.vote import softmax
from small_onnx import LAYERS, smooth_scans, write_small

SCANS = smooth_scans(70)


def parity(**changes):
    found = {
        "split": "val", "scans": 200, "max_abs_logit": 0.3, "max_abs_probability": 0.04, "flips": 1,
        "accuracy": 0.9, "reference_accuracy": 0.9, "sensitivity": 0.8, "reference_sensitivity": 0.8,
        "auroc": 0.95, "reference_auroc": 0.95,
    }  # fmt: skip
    return Parity(**found | changes)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({}, []),
        ({"accuracy": 0.895}, []),
        ({"accuracy": 0.8949}, ["accuracy"]),
        ({"accuracy": 0.99, "sensitivity": 0.9, "auroc": 1.0}, []),
        ({"sensitivity": 0.78}, ["sensitivity"]),
        ({"auroc": 0.944}, ["auroc"]),
        ({"flips": 2}, ["flips"]),
        ({"max_abs_logit": 9.0}, []),
    ],
)
def test_losses_are_held_against_the_table(changes, failing):
    gate = judge(parity(**changes), RECIPES["int8-cpu"].vote)
    assert [check.figure for check in gate.failures] == failing
    assert gate.passed == (not failing)


def test_report_names_the_tolerance_that_would_have_passed():
    gate = judge(parity(accuracy=0.88, flips=6), RECIPES["int8-trt"].vote)
    assert in_words(gate) == "flips 0.03 (accepted: 0.005), accuracy 0.02 (accepted: 0.005)"
    enough = Tolerance(**{check.figure: check.difference for check in gate.comparisons if check.figure != "not_finite"})
    assert judge(parity(accuracy=0.88, flips=6), enough).passed


def test_answers_that_are_no_numbers_never_pass():
    anything = Tolerance(*[np.inf] * 6)
    assert judge(parity(), anything).passed
    assert not judge(parity(), anything, not_finite=1).passed


def test_tolerances_are_changed_for_members_and_vote():
    recipes = chosen(["fp32", "int8-cpu"], {"accuracy": 0.03})
    assert {r.member.accuracy for r in recipes.values()} == {r.vote.accuracy for r in recipes.values()} == {0.03}
    assert recipes["int8-cpu"].vote.flips == RECIPES["int8-cpu"].vote.flips


@pytest.mark.parametrize(
    ("gain", "none"),
    [
        (Gain(50, 100, None), False),
        (Gain(50, 100, 0.5), False),
        (Gain(100, 100, 2.0), False),
        (Gain(100, 100, 1.05), True),
        (Gain(90, 100, None), True),
        (Gain(100, 100, None), True),
        (Gain(120, 100, 0.9), True),
    ],
)
def test_neither_faster_nor_smaller_is_no_gain(gain, none):
    assert gain.none == none


def test_documented_tolerances_are_those_of_the_table():
    lines = (Path(__file__).parents[3] / "docs" / "export.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    documented = {row[0].split("`")[1]: row[1:] for row in rows if len(row) == 5}
    columns = [RECIPES["fp32"].member, RECIPES["fp16"].member, RECIPES["int8-cpu"].member, RECIPES["int8-cpu"].vote]
    assert RECIPES["fp32"].vote == columns[0]
    assert RECIPES["fp16"].vote == columns[1]
    for precision in ("int8-trt", "int8-trt-fp16"):
        assert (RECIPES[precision].member, RECIPES[precision].vote) == (columns[2], columns[3])
    for field in Tolerance._fields:
        values = [getattr(column, field) for column in columns]
        assert [np.inf if cell == "reported" else float(cell) for cell in documented[field]] == values, field


# Float fallback


@dataclass
class Scene:
    original: TrainedMember
    scans: ExportScans


@pytest.fixture
def scene(tmp_path):
    """One small network, its own answers as the truth, and one layer's input scale thirty times too small."""

    def build(seed=0, weight=1.0, spoil=30.0, targets=None):
        folder = tmp_path / str(seed)
        folder.mkdir()
        fp32 = write_small(folder / "small.fp32.onnx", seed, centre_on=SCANS)
        ranges = measure_ranges(fp32, SCANS, ["minmax"])
        low, high = ranges["minmax"]["first_relu"]
        ranges["minmax"]["first_relu"] = (low, high / spoil)
        logits = Simulation(fp32).logits(SCANS[:, None])
        # One label in six is wrong: a temperature can be fitted.
        if targets is None:
            targets = np.where(np.arange(len(SCANS)) % 6 == 0, logits.argmin(1), logits.argmax(1)).astype(np.int64)
        temperature = fit_temperature(logits, targets)
        answers = MemberOutput(logits, temperature, softmax(logits, temperature))
        validation = ValidationScans("val", SCANS, targets, [str(n) for n in range(len(SCANS))], 1, 0.5)
        scans = ExportScans(validation, SCANS, (), SCANS[:2, None])
        head = np.zeros((2, 16), np.float32)
        return Scene(TrainedMember(f"small-{seed}", "small", weight, fp32, ranges, answers, head, 1), scans)

    return build


@pytest.mark.parametrize("precision", ["int8-cpu", "int8-trt", "int8-trt-fp16"])
def test_spoilt_scale_is_refused_then_repaired(precision, scene):
    spoilt = scene()
    recipe = RECIPES[precision]
    refused = build_artefact(spoilt.original, precision, recipe, spoilt.scans, method="minmax")
    assert not refused.gate.passed
    fallback = FloatFallback(spoilt.original, spoilt.scans)
    repaired = fallback.repair(precision, recipe, refused)
    assert repaired.gate.passed
    sums, layers = repaired.float_layers[0], repaired.float_layers[1:]
    assert (sums, layers[0]) == ("sum", "second")
    assert len(layers) < len(LAYERS)
    assert [error.layer for error in fallback.ranking(recipe, "minmax")][: len(layers)] == list(layers)


def test_good_artefact_is_left_alone(scene):
    whole = scene(spoil=1.0)
    lines = []
    recipes = chosen(["int8-trt"], {"accuracy": 0.05, "sensitivity": 0.05, "auroc": 0.02})
    compiled = compile_member(whole.original, recipes, whole.scans, Reporter(lines.append))
    assert compiled.artefacts["int8-trt"].float_layers == ()
    assert len(lines) == 1
    assert "REFUSED" not in lines[0]


def test_what_cannot_be_repaired_stays_refused(scene):
    spoilt = scene()
    never = RECIPES["int8-trt"]._replace(member=Tolerance(logit=-1.0))  # no difference is less than none
    candidate = build_artefact(spoilt.original, "int8-trt", never, spoilt.scans, method="minmax")
    repaired = FloatFallback(spoilt.original, spoilt.scans).repair("int8-trt", never, candidate)
    assert not repaired.gate.passed
    assert set(repaired.float_layers) == {"sum", *LAYERS}
    assert repaired.parity.max_abs_logit < 1e-4


def test_best_method_is_that_nearest_to_the_original(scene):
    spoilt = scene()
    good = measure_ranges(spoilt.original.fp32, SCANS, ["minmax"])["minmax"]
    for order in (("bad", "good"), ("good", "bad")):
        both = {"bad": spoilt.original.ranges["minmax"], "good": good}
        original = spoilt.original._replace(ranges={name: both[name] for name in order})
        recipes = chosen(["int8-trt"], {"accuracy": 1.0, "sensitivity": 1.0, "auroc": 1.0})
        made = compile_member(original, recipes, spoilt.scans, Reporter()).artefacts["int8-trt"]
        assert made.method == "good"
        quantise_for_tensorrt(original.fp32, made.path.with_name("expected.onnx"), good)
        assert made.path.read_bytes() == made.path.with_name("expected.onnx").read_bytes()


def test_vote_that_fails_repairs_the_member_that_is_furthest_off(scene):
    spoilt = scene(0, 0.5)
    whole = scene(1, 0.5, spoil=1.0, targets=spoilt.scans.validation.targets)
    anything = dict.fromkeys(("accuracy", "sensitivity", "auroc"), 1.0)
    recipe = chosen(["int8-trt"], anything)["int8-trt"]
    compiled = [compile_member(s.original, {"int8-trt": recipe}, spoilt.scans, Reporter()) for s in (spoilt, whole)]
    assert [c.artefacts["int8-trt"].float_layers for c in compiled] == [(), ()]
    strict = recipe._replace(vote=Tolerance(**anything, probability=0.08))
    voted = compile_vote(compiled, "int8-trt", strict, spoilt.scans, Reporter())
    assert voted.gate.passed
    assert compiled[0].artefacts["int8-trt"].float_layers[:2] == ("sum", "second")
    assert compiled[1].artefacts["int8-trt"].float_layers == ()
    impossible = recipe._replace(vote=Tolerance(**anything, probability=-1.0))
    assert not compile_vote(compiled, "int8-trt", impossible, spoilt.scans, Reporter()).gate.passed


def test_one_changed_label_of_70_starts_no_repair(scene):
    whole = scene(spoil=1.0)
    recipe = RECIPES["int8-trt"]
    artefact = build_artefact(whole.original, "int8-trt", recipe, whole.scans, method="minmax")
    before, after = (output.probabilities[:, 1] for output in (whole.original.output, artefact.output))
    cuts = (before + after) / 2
    flips = [int(((before >= cut) != (after >= cut)).sum()) for cut in cuts]
    scans = whole.scans._replace(validation=whole.scans.validation._replace(threshold=float(cuts[flips.index(1)])))
    lines = []
    compiled = compile_member(whole.original, {"int8-trt": recipe}, scans, Reporter(lines.append))
    voted = compile_vote([compiled], "int8-trt", recipe, scans, Reporter(lines.append))
    assert (voted.parity.scans, voted.parity.flips) == (70, 1)
    assert voted.gate.passed
    assert compiled.artefacts["int8-trt"].float_layers == ()
    assert not [line for line in lines if "keeping" in line]


def test_figure_that_starts_a_repair_is_reported(scene):
    spoilt, lines = scene(), []
    compile_member(spoilt.original, {"int8-trt": RECIPES["int8-trt"]}, spoilt.scans, Reporter(lines.append))
    assert "small-0 int8-trt: accuracy" in lines[0]
    assert "refuted with p" in lines[0]
    assert lines[0].endswith("keeping more layers in float")
    assert len(lines) > 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1])
def test_tolerance_that_is_no_number_is_refused(value):
    from edge_run.errors import UsageError

    with pytest.raises(UsageError, match="not understood"):
        chosen(["int8-cpu"], {"flips": value})
