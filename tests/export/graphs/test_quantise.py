"""From FP32 to eight bits and to half precision: where, how far, and how exactly."""

from __future__ import annotations

import weakref

import numpy as np
import onnxruntime as ort
import pytest

from edge_export.gate.sensitivity import rank_layers
from edge_export.graphs.fp16 import to_fp16
from edge_export.graphs.graph import check
from edge_export.graphs.int8_cpu import quantise_for_cpu
from edge_export.graphs.int8_trt import quantise_for_tensorrt
from edge_export.graphs.ranges import METHODS, measure_ranges
from edge_export.graphs.simulate import Simulation
from edge_run.bundle.derive.int8_trt import SMALLEST_SCALE, quantise_weight
from small_onnx import LAYERS, read, smooth_scans, write_small

SCANS = smooth_scans(12)


@pytest.fixture(scope="module")
def fp32(tmp_path_factory):
    return write_small(tmp_path_factory.mktemp("small") / "small.fp32.onnx")


@pytest.fixture(scope="module")
def ranges(fp32):
    return measure_ranges(fp32, SCANS, METHODS)


@pytest.fixture(scope="module")
def reference(fp32):
    return Simulation(fp32).run(SCANS[:, None])


def noise(path, reference, **options):
    """Noise in the features over their signal, and the largest difference in a logit over the logits' spread."""
    logits, features = Simulation(path, **options).run(SCANS[:, None])
    power = np.square(features - reference[1]).mean() / np.square(reference[1]).mean()
    return float(power), float(np.abs(logits - reference[0]).max() / np.ptp(reference[0]))


# Ranges


def test_minmax_is_that_of_all_scans(fp32, ranges):
    found = ranges["minmax"]
    assert set(found) >= {"scaled", "pooled", "second_out", "block", "features"}
    assert found["scaled"] == pytest.approx((SCANS.min() / 255, SCANS.max() / 255))
    features = np.concatenate([Simulation(fp32).run(scan[None, None])[1] for scan in SCANS])
    assert found["features"] == pytest.approx((features.min(), features.max()), rel=1e-5)


@pytest.mark.parametrize("method", ["percentile", "entropy"])
def test_other_methods_cut_the_extremes(method, ranges):
    for name, (low, high) in ranges["minmax"].items():
        narrow = ranges[method][name]
        assert low - 1e-5 <= narrow[0] <= narrow[1] <= high + 1e-5
    assert any(ranges[method][n][1] < 0.999 * ranges["minmax"][n][1] for n in ranges["minmax"])


@pytest.mark.parametrize("method", METHODS)
def test_no_scan_s_tensors_outlive_it(method, fp32, monkeypatch):
    alive, most = [], []

    class Session(ort.InferenceSession):
        def run(self, names, feed):
            most.append(sum(reference() is not None for reference in alive))
            found = [np.array(value) for value in super().run(names, feed)]
            alive[:] = [weakref.ref(value) for value in found]
            return found

    monkeypatch.setattr("edge_export.graphs.ranges.ort.InferenceSession", Session)
    measure_ranges(fp32, SCANS[:4], [method])
    # The names of the scan before are still bound while the next one runs; nothing older is.
    assert len(most) == 4
    assert all(count <= len(alive) for count in most)
    older = [reference() for reference in alive]
    assert older == [None] * len(alive)


def test_progress_is_told(fp32):
    steps = []
    measure_ranges(fp32, SCANS[:3], ["minmax"], lambda *step: steps.append(step))
    assert steps == [(1, 3), (2, 3), (3, 3)]


# Eight bits for TensorRT


@pytest.fixture(scope="module")
def for_tensorrt(fp32, ranges, tmp_path_factory):
    path = tmp_path_factory.mktemp("trt") / "small.int8-trt.onnx"
    quantise_for_tensorrt(fp32, path, ranges["minmax"])
    check(path)
    return path


def test_every_convolution_is_fed_by_dequantize_on_both_sides(for_tensorrt):
    nodes, makers, arrays = read(for_tensorrt)
    for node in (n for n in nodes if n.op_type == "Conv"):
        source, weight = (makers[name] for name in node.input[:2])
        assert source.op_type == weight.op_type == "DequantizeLinear"
        assert arrays[weight.input[0]].dtype == np.int8
        assert arrays[node.input[2]].dtype == np.float32


def test_pairs_are_symmetric_and_signed(for_tensorrt, ranges):
    nodes, _, arrays = read(for_tensorrt)
    pairs = [n for n in nodes if n.op_type == "QuantizeLinear"]
    assert len(pairs) == len({n.input[0] for n in pairs})
    for node in pairs:
        assert (arrays[node.input[2]].dtype, arrays[node.input[2]]) == (np.int8, 0)
        largest = max(map(abs, ranges["minmax"][node.input[0]]))
        assert arrays[node.input[1]] == pytest.approx(largest / 127, rel=1e-6)


def test_pairs_stand_where_tensorrt_fuses(for_tensorrt):
    nodes, makers, _ = read(for_tensorrt)
    one = {n.op_type: n for n in nodes}
    # Only the branch that does not come from a convolution; neither before a ReLU nor before a concatenation.
    assert [makers[name].op_type for name in one["Add"].input] == ["Conv", "DequantizeLinear"]
    assert makers[one["MaxPool"].input[0]].op_type == "Relu"
    assert {makers[n.input[0]].op_type for n in nodes if n.op_type == "Relu"} == {"Conv", "Add"}
    assert {makers[name].op_type for name in one["Concat"].input} == {"Relu"}
    assert makers[one["Gemm"].input[0]].op_type == "ReduceMean"


def test_weights_are_rounded_channel_by_channel():
    weight = np.array([[1.0, -0.5], [0.01, 0.002], [0.0, 0.0]], np.float32).reshape(3, 1, 1, 2)
    scale, bits = quantise_weight(weight)
    assert scale == pytest.approx([1 / 127, max(0.01 / 127, SMALLEST_SCALE), SMALLEST_SCALE])
    assert bits[0].ravel().tolist() == [127, -64]
    assert np.abs(bits * scale.reshape(3, 1, 1, 1) - weight).max() <= scale.max() / 2


# What it costs


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("quantise", [quantise_for_cpu, quantise_for_tensorrt])
def test_eight_bits_answer_nearly_as_fp32(quantise, method, fp32, ranges, reference, tmp_path):
    path = tmp_path / "small.onnx"
    quantise(fp32, path, ranges[method])
    check(path)
    power, logits = noise(path, reference)
    # A cut that saves bits in the middle of the range is allowed more than the range itself.
    assert 0 < power < (0.003 if method == "minmax" else 0.1)
    assert logits < (0.1 if method == "minmax" else 0.5)


@pytest.mark.parametrize("quantise", [quantise_for_cpu, quantise_for_tensorrt])
def test_all_layers_in_float_is_fp32_again(quantise, fp32, ranges, reference, tmp_path):
    spoilt = {name: (low / 50, high / 50) for name, (low, high) in ranges["minmax"].items()}
    quantise(fp32, tmp_path / "all.onnx", spoilt)
    assert noise(tmp_path / "all.onnx", reference)[0] > 0.3
    layers = [n.name for n in read(fp32)[0] if n.op_type == "Conv"]
    assert tuple(layers) == LAYERS
    good = {name: ranges["minmax"][name] for name in ranges["minmax"]}
    quantise(fp32, tmp_path / "none.onnx", good, layers)
    nodes, _, arrays = read(tmp_path / "none.onnx")
    assert {arrays[n.input[1]].dtype for n in nodes if n.op_type == "Conv"} == {np.dtype(np.float32)}
    assert noise(tmp_path / "none.onnx", reference)[1] < 0.02


def test_for_tensorrt_nothing_is_left_in_eight_bits_when_the_sums_are_in_float_too(fp32, ranges, reference, tmp_path):
    names = [n.name for n in read(fp32)[0] if n.op_type in ("Conv", "Add")]
    spoilt = {name: (low / 50, high / 50) for name, (low, high) in ranges["minmax"].items()}
    quantise_for_tensorrt(fp32, tmp_path / "none.onnx", spoilt, names)
    assert not any(n.op_type == "QuantizeLinear" for n in read(tmp_path / "none.onnx")[0])
    assert noise(tmp_path / "none.onnx", reference)[1] < 1e-5


@pytest.mark.parametrize(("source", "layers"), [("first_relu", ["second"]), ("block", ["left", "right"])])
@pytest.mark.parametrize("quantise", [quantise_for_cpu, quantise_for_tensorrt])
def test_layer_in_float_does_not_see_its_input_s_range(quantise, source, layers, fp32, ranges, reference, tmp_path):
    narrow = dict(ranges["minmax"])
    low, high = narrow[source]
    narrow[source] = (low / 20, high / 20)
    quantise(fp32, tmp_path / "cut.onnx", narrow)
    assert noise(tmp_path / "cut.onnx", reference)[0] > 0.05
    quantise(fp32, tmp_path / "repaired.onnx", narrow, layers)
    check(tmp_path / "repaired.onnx")
    assert noise(tmp_path / "repaired.onnx", reference)[0] < 0.003


def test_sum_in_float_reads_a_stream_that_was_not_rounded(fp32, ranges, reference, tmp_path):
    quantise_for_cpu(fp32, tmp_path / "eight.onnx", ranges["minmax"])
    quantise_for_cpu(fp32, tmp_path / "float.onnx", ranges["minmax"], ["sum"])
    check(tmp_path / "float.onnx")
    nodes, makers, _ = read(tmp_path / "float.onnx")
    (add,) = (n for n in nodes if n.op_type == "Add")
    assert [makers[name].op_type for name in add.input] == ["DequantizeLinear", "MaxPool"]
    convolutions = [n for n in nodes if n.op_type == "Conv"]
    assert all(makers[name].op_type == "DequantizeLinear" for n in convolutions for name in n.input[:2])
    eight, kept = (noise(tmp_path / name, reference)[0] for name in ("eight.onnx", "float.onnx"))
    assert max(kept, eight) < 0.003


def test_half_precision_keeps_float_at_both_ends(fp32, for_tensorrt, reference, tmp_path):
    to_fp16(fp32, tmp_path / "half.onnx")
    check(tmp_path / "half.onnx")
    _, _, arrays = read(tmp_path / "half.onnx")
    assert arrays["first.weight"].dtype == np.float16
    assert noise(tmp_path / "half.onnx", reference)[1] < 2e-3
    to_fp16(for_tensorrt, tmp_path / "twin.onnx")
    check(tmp_path / "twin.onnx")
    nodes, _, arrays = read(tmp_path / "twin.onnx")
    scales = {arrays[n.input[1]].dtype for n in nodes if n.op_type in ("QuantizeLinear", "DequantizeLinear")}
    assert scales == {np.dtype(np.float16)}
    eight, twin = noise(for_tensorrt, reference)[0], noise(tmp_path / "twin.onnx", reference, half_scales=True)[0]
    assert twin == pytest.approx(eight, rel=0.2)


# Layers


@pytest.mark.parametrize("symmetric", [False, True])
def test_layer_that_suffers_most_is_ranked_first(symmetric, fp32, ranges):
    spoilt = dict(ranges["minmax"])
    spoilt["first_relu"] = (0.0, spoilt["first_relu"][1] / 30)
    ranking = rank_layers(fp32, spoilt, SCANS[:4], symmetric=symmetric)
    assert ranking[0].layer == "second"
    assert {error.layer for error in ranking} == set(LAYERS)
    assert [e.error for e in ranking] == sorted((e.error for e in ranking), reverse=True)
    assert ranking[0].error > 5 * ranking[1].error
    whole = rank_layers(fp32, ranges["minmax"], SCANS[:4], symmetric=symmetric)
    assert 0 < whole[0].error < ranking[0].error
