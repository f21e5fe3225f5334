"""The PyTorch originals are rebuilt from the bundle, and answer as its compiled members do."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from torch import nn

from edge_explain import load_originals
from edge_explain.methods.rebuild import rebuild
from edge_run import Bundle, Ensemble
from edge_run.errors import BundleError
from edge_train.networks.infer import infer
from toy import replace_file, write_toy_bundle


@pytest.fixture(scope="module")
def compiled(one_thread):  # noqa: ARG001 - only its effect
    """The embedded bundle, its reference scans ``[K, size, size]`` and its members' logits for them."""
    bundle = Bundle("ct-covid")
    with Ensemble(bundle, precision="int8-cpu", backend="cpu", threads=1) as ensemble:
        scans = bundle.read_array(bundle.manifest.reference.scans)[:2]
        outputs = ensemble.outputs(scans)
    ids = [member.id for member in bundle.manifest.members]
    return bundle, scans[:, 0], {id_: output.logits for id_, output in zip(ids, outputs, strict=True)}


@pytest.mark.parametrize(("member_id", "layers", "tolerance"), [("resnet18", 20, 0.06), ("googlenet", 57, 0.08)])
def test_rebuilt_network_answers_within_the_error_of_quantisation(compiled, member_id, layers, tolerance):
    bundle, scans, logits = compiled
    originals = load_originals(bundle)
    member = originals.member(member_id)
    found = infer(member, scans)
    assert 0 < np.abs(found - logits[member_id]).max() < tolerance
    convolutions = [module for module in member.modules() if isinstance(module, nn.Conv2d)]
    assert len(convolutions) == layers
    assert all(convolution.bias is not None for convolution in convolutions)
    assert not [module for module in member.modules() if isinstance(module, nn.BatchNorm2d)]


def test_originals_say_where_they_come_from(compiled):
    bundle, _, _ = compiled
    originals = load_originals(bundle)
    assert originals.origin == "originals rebuilt from the bundle, int8-cpu"
    assert originals.ids == ("resnet18", "googlenet", "resnet50", "resnet101")
    member = bundle.manifest.members[0]
    assert originals.sha256["resnet18"] == member.artefacts["int8-cpu"].file.sha256
    assert originals.temperature("resnet18") == member.artefacts["fp32"].temperature


def test_network_of_another_kind_is_refused(tmp_path):
    bundle = Bundle(write_toy_bundle(tmp_path / "toy", size=64))
    with pytest.raises(BundleError, match="resnet18 cannot be rebuilt from the bundle") as caught:
        load_originals(bundle).member("resnet18")
    assert "--run" in caught.value.hint


@pytest.mark.parametrize("damage", ["missing", "extra", "shape"])
def test_layers_that_do_not_fit_are_refused(compiled, tmp_path, damage):
    embedded, _, _ = compiled
    member = embedded.manifest.members[0]
    model = onnx.load_model_from_string(embedded.read(member.artefacts["int8-cpu"].file))
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    if damage == "missing":
        model.graph.node.remove(convolutions[3])
    elif damage == "extra":
        copied = model.graph.node.add()
        copied.CopyFrom(convolutions[3])
        copied.input[1] = "net.layer9.conv1.weight"
        model.graph.initializer.add().CopyFrom(onnx.numpy_helper.from_array(np.zeros(3), "net.layer9.conv1.weight"))
    else:
        convolutions[3].input[1] = convolutions[4].input[1]
        convolutions[4].input[1] = convolutions[0].input[1]
    folder = write_toy_bundle(tmp_path / "toy", size=64, members=1)
    replace_file(folder, "models/resnet18.fp32.onnx", model.SerializeToString())
    bundle = Bundle(folder)
    with pytest.raises(BundleError, match="cannot be rebuilt"):
        rebuild(bundle, bundle.manifest.members[0])
