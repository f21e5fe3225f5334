"""Derived INT8 forms that decide otherwise keep layers in float, and the device derives them so."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edge_export.gate.derived_fallback import DerivedFallback
from edge_export.gate.output import MemberOutput
from edge_export.gate.precisions import RECIPES, Tolerance
from edge_export.gate.trained_member import TrainedMember
from edge_export.graphs.int8_cpu import quantise_for_cpu
from edge_export.graphs.ranges import measure_ranges
from edge_export.graphs.simulate import Simulation
from edge_export.reporter import Reporter
from edge_export.scans.export_scans import ExportScans, ValidationScans
from edge_run.bundle.derive import derive
from edge_run.voting.vote import softmax
from small_onnx import LAYERS, smooth_scans, write_small

SCANS = smooth_scans(40)


@pytest.fixture
def fallback(tmp_path):
    """The forms of a small network that is stored in INT8 for CPUs, one of its layers in float."""
    fp32 = write_small(tmp_path / "small.float.onnx", centre_on=SCANS)
    stored = tmp_path / "small.int8-cpu.onnx"
    quantise_for_cpu(fp32, stored, measure_ranges(fp32, SCANS, ["minmax"])["minmax"], ["left"])
    logits = Simulation(stored).logits(SCANS[:, None])
    output = MemberOutput(logits, 1.0, softmax(logits))
    targets = np.where(np.arange(len(SCANS)) % 6 == 0, logits.argmin(1), logits.argmax(1)).astype(np.int64)
    validation = ValidationScans("val", SCANS, targets, [str(n) for n in range(len(SCANS))], 1, 0.5)
    member = TrainedMember("small", "small", 1.0, stored, {}, output, np.zeros((2, 16), np.float32), 1)
    said = []
    made = DerivedFallback(
        member, ExportScans(validation, SCANS, (), SCANS[:2, None]), Reporter(said.append), kept=("left",)
    )
    made.said = said
    return made


def recipes(*forms, logit=np.inf):
    free = Tolerance(logit=logit, accuracy=np.inf, sensitivity=np.inf, auroc=np.inf)
    return {form: RECIPES[form]._replace(member=free) for form in forms}


def test_form_that_passes_has_the_layers_of_the_stored_one_in_float(fallback):
    made = fallback.derive_all(recipes("fp32", "int8-trt"))
    assert [one.float_layers for one in made.values()] == [("left",), ("left",)]
    assert fallback.said == []


def test_failing_form_is_repaired_and_its_twin_begins_with_that(fallback):
    before = fallback.derive_all(recipes("fp32", "int8-trt"))
    # What is stored is rounded too: a form that is float throughout differs from it as well, but by less.
    least, most = (made.parity.max_abs_logit for made in before.values())
    assert least < most
    made = fallback.derive_all(recipes("fp32", "int8-trt", "int8-trt-fp16", logit=(least + most) / 2))
    layers = made["int8-trt"].float_layers
    assert made["int8-trt"].gate.passed
    assert layers[:2] == ("left", "sum")
    assert made["int8-trt-fp16"].float_layers[: len(layers)] == layers
    assert made["fp32"].float_layers == ("left",)
    assert "keeping more layers in float" in fallback.said[0]


def test_all_layers_in_float_is_the_end(fallback):
    made = fallback.derive_all(recipes("int8-trt", logit=-1.0))["int8-trt"]
    assert not made.gate.passed
    assert set(made.float_layers) == {"sum", *LAYERS}
    model = onnx.load(made.path)
    assert not [node for node in model.graph.node if node.op_type == "QuantizeLinear"]


def test_device_derives_the_same_bytes(fallback):
    made = fallback.derive_all(recipes("int8-trt", logit=-1.0))["int8-trt"]
    stored = fallback._model
    assert derive(stored, "int8-trt", made.float_layers) == made.path.read_bytes()
    assert derive(stored, "int8-trt", ("left",)) != made.path.read_bytes()
