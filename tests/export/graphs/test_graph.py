"""The ONNX graphs: what they promise, what they cost, and what in them is quantised."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from edge_export.graphs.graph import check, strip
from edge_export.graphs.macs import multiply_adds
from edge_run.backends import open_runner
from edge_run.backends.network import Network
from edge_run.errors import GateError
from edge_train import Member
from edge_train.data.dataset import decode, read_folders

SIZE = 64


def small(*, names=("scan", "logits", "features"), scan=TensorProto.UINT8, out=TensorProto.FLOAT, batch="N", opset=20):
    """The smallest graph that keeps the promise; keywords break it."""
    source, *targets = names
    graph = helper.make_graph(
        [helper.make_node("Cast", [source], [target], to=out) for target in targets],
        "small",
        [helper.make_tensor_value_info(source, scan, [batch, 1, 4, 4])],
        [helper.make_tensor_value_info(target, out, [batch, 1, 4, 4]) for target in targets],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def test_graph_that_keeps_the_promise_passes(tmp_path):
    onnx.save(small(), tmp_path / "good.onnx")
    check(tmp_path / "good.onnx")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"names": ("input", "logits", "features")}, r"it maps \['input'\] to \['logits', 'features'\]"),
        ({"names": ("scan", "features", "logits")}, r"to \['features', 'logits'\]"),
        ({"names": ("scan", "logits")}, r"to \['logits'\]"),
        ({"scan": TensorProto.FLOAT}, "the scan is not uint8"),
        ({"out": TensorProto.FLOAT16}, "an output is not float32"),
        ({"batch": 2}, "the batch is fixed"),
        ({"opset": 18}, "opset 18 instead of 20"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_graph_that_breaks_the_promise_is_refused(change, fault, tmp_path):
    path = tmp_path / "bad.onnx"
    onnx.save(small(**change), path)
    with pytest.raises(GateError, match=rf"bad\.onnx is not the graph that a bundle promises: .*{fault}"):
        check(path)


def test_data_outside_the_file_is_refused(tmp_path):
    model = small()
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2000, np.float32), "weight"))
    onnx.save(model, tmp_path / "split.onnx", save_as_external_data=True, location="weights.bin")
    with pytest.raises(GateError, match="data lies outside the file"):
        check(tmp_path / "split.onnx")


def test_invalid_onnx_is_refused(tmp_path):
    model = small()
    model.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(model, tmp_path / "bad.onnx")
    with pytest.raises(GateError, match="NoSuchOperator"):
        check(tmp_path / "bad.onnx")


def test_strip_removes_notes_alone():
    plain, noted = small(), small()
    for part in (noted, noted.graph, noted.graph.node[0], noted.graph.input[0], noted.graph.output[0]):
        part.doc_string = "made in a place"
        helper.set_model_props(part, {"stack_trace": "File a.py"})
    strip(noted)
    assert noted == plain


@pytest.mark.parametrize("precision", ["fp32", "int8-cpu"])
@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_artefact_takes_any_batch_of_uint8(arch, precision, exported):
    path = exported.out / "models" / f"{arch}.{precision}.onnx"
    check(path)
    scans = np.random.default_rng(0).integers(0, 256, (3, 1, SIZE, SIZE), dtype=np.uint8)
    with open_runner("cpu", Network(path.read_bytes(), arch, "fp32", SIZE), threads=1) as runner:
        together = runner.run(scans)
        alone = [runner.run(scans[n : n + 1]) for n in range(3)]
    assert together.logits.shape == (3, 2)
    assert together.logits.dtype == together.features.dtype == np.float32
    np.testing.assert_allclose(np.concatenate([a.logits for a in alone]), together.logits, atol=1e-4)
    np.testing.assert_allclose(np.concatenate([a.features for a in alone]), together.features, atol=1e-3)


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_batch_normalisation_is_folded(arch, exported):
    model = onnx.load(exported.out / "models" / f"{arch}.fp32.onnx")
    operators = Counter(node.op_type for node in model.graph.node)
    assert operators["Conv"] == {"resnet18": 20, "googlenet": 57}[arch]
    assert operators["Gemm"] == 1
    assert "BatchNormalization" not in operators
    assert {o.domain for o in model.opset_import} == {""}


def count_by_hooks(arch, size):
    """Multiply-adds from the shapes PyTorch sees, without computing anything."""
    total = 0

    def seen(layer, inputs, output):
        nonlocal total
        if isinstance(layer, torch.nn.Conv2d):
            each = inputs[0].shape[1] // layer.groups * layer.kernel_size[0] * layer.kernel_size[1]
        else:
            each = layer.in_features
        total += output.numel() * each

    member = Member(arch, 2).eval().to("meta")
    for layer in member.modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear):
            layer.register_forward_hook(seen)
    with torch.no_grad():
        member(torch.zeros(1, 1, size, size, dtype=torch.uint8, device="meta"))
    return total


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_multiply_adds_are_those_pytorch_sees(arch, exported):
    member = next(m for m in exported.manifest.members if m.id == arch)
    assert member.macs == multiply_adds(exported.out / "models" / f"{arch}.fp32.onnx") == count_by_hooks(arch, SIZE)


def test_counting_agrees_with_the_literature():
    # torchvision's tables: 1.814e9 for RGB and 1000 classes; grey spares two thirds of the stem, two classes the head.
    stem, head = 118_013_952, 512 * (1000 - 2)
    assert count_by_hooks("resnet18", 224) == pytest.approx(1.814e9 - stem * 2 / 3 - head, rel=1e-3)


def quantisation(model):
    """For each node, whether each of its inputs comes out of a DequantizeLinear."""
    producers = {output: node.op_type for node in model.graph.node for output in node.output}
    return [
        (node.op_type, [producers.get(name) == "DequantizeLinear" for name in node.input]) for node in model.graph.node
    ]


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_int8_reaches_everything_but_the_ends(arch, exported):
    model = onnx.load(exported.out / "models" / f"{arch}.int8-cpu.onnx")
    found = quantisation(model)
    assert {op for op, _ in found if op not in ("QuantizeLinear", "DequantizeLinear")} <= {
        "Cast", "Div", "Sub", "Conv", "MaxPool", "Add", "Concat", "ReduceMean", "Gemm",
    }  # fmt: skip
    assert all(all(inputs) for op, inputs in found if op in ("Conv", "MaxPool", "Add", "Concat"))
    assert [inputs for op, inputs in found if op == "Gemm"] == [[False, False, False]]
    (pooling,) = (node for node in model.graph.node if node.op_type == "ReduceMean")
    assert pooling.input[0] == "features"
    assert {o.domain for o in model.opset_import} == {""}


def test_int8_is_unsigned_activations_and_signed_weights_per_channel(exported):
    model = onnx.load(exported.out / "models" / "resnet18.int8-cpu.onnx")
    constants = {i.name: i for i in model.graph.initializer}
    makers = {output: node for node in model.graph.node for output in node.output}
    activations = [constants[n.input[2]].data_type for n in model.graph.node if n.op_type == "QuantizeLinear"]
    assert set(activations) == {TensorProto.UINT8}
    convolutions = [n for n in model.graph.node if n.op_type == "Conv"]
    weights = [makers[n.input[1]] for n in convolutions]
    assert {constants[w.input[0]].data_type for w in weights} == {TensorProto.INT8}
    for weight in weights:
        assert list(constants[weight.input[1]].dims) == [constants[weight.input[0]].dims[0]]


def test_ranges_are_those_of_the_calibration_scans(exported):
    record, train = exported.run.record, read_folders([exported.data]).of("train").samples
    chosen = [s for s in train if s.sha256 in exported.manifest.provenance.calibration]
    grey = decode(chosen, record.config.preprocess).pixels / 255
    member = record.members[0]
    low, high = ((level - member.mean) / member.std for level in (grey.min(), grey.max()))
    model = onnx.load(exported.out / "models" / "resnet18.int8-cpu.onnx")
    constants = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
    first = next(n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == "div_1")
    assert constants[first.input[1]] == pytest.approx((high - low) / 255, rel=1e-5)
    assert constants[first.input[2]] == round(-low / ((high - low) / 255))
