"""Comparing an artefact with its original counts what it says it counts."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from edge_export.gate.artefact import assess_artefact
from edge_export.gate.output import MemberOutput
from edge_export.gate.parity import compare, in_words
from edge_export.gate.precisions import RECIPES
from edge_export.gate.trained_member import TrainedMember
from edge_export.scans.export_scans import read_export_scans
from edge_run.voting.vote import softmax
from edge_train.networks.infer import infer


class Labelled:
    """What `compare` asks of the validation scans."""

    split, positive = "val", 1
    targets = np.array([0, 0, 1, 1])

    def __init__(self, threshold=None):
        self.threshold = threshold


def two_classes(*positive):
    return np.array([[1 - p, p] for p in positive])


ORIGINAL = two_classes(0.1, 0.4, 0.6, 0.9)


def test_differences_are_counted():
    parity = compare(two_classes(0.1, 0.7, 0.45, 0.9), ORIGINAL, Labelled(), logit_difference=1.5)
    assert (parity.split, parity.scans, parity.max_abs_logit) == ("val", 4, 1.5)
    assert parity.max_abs_probability == pytest.approx(0.3)
    assert parity.flips == 2
    assert (parity.accuracy, parity.reference_accuracy) == (0.5, 1.0)
    assert (parity.auroc, parity.reference_auroc) == (0.75, 1.0)
    assert "2 of 4 labels differ, accuracy 0.5000 (-0.5000), AUROC 0.7500 (-0.2500)" in in_words(parity)


def test_original_equals_itself():
    parity = compare(ORIGINAL, ORIGINAL, Labelled(), logit_difference=0.0)
    assert (parity.flips, parity.max_abs_probability) == (0, 0)
    assert parity.accuracy == parity.reference_accuracy


@pytest.mark.parametrize(("threshold", "flips"), [(None, 0), (0.5, 0), (0.3, 1), (0.65, 1), (0.2, 0)])
def test_labels_are_those_of_the_operating_point(threshold, flips):
    artefact = two_classes(0.1, 0.25, 0.7, 0.9)
    assert compare(artefact, ORIGINAL, Labelled(threshold), logit_difference=0.0).flips == flips


def test_spoilt_artefact_is_found_out(exported, scratch):
    # The head's bias moved toward the other class, just past the second-least certain scan of the larger side.
    run = exported.run
    scans = read_export_scans(run, [exported.data], calibration_scans=0)
    member, voter = run.member("resnet18"), run.ensemble.members[0]
    logits = infer(member, scans.validation.pixels)
    original = MemberOutput(logits, voter.temperature, softmax(logits, voter.temperature))
    margin = logits[:, 0] - logits[:, 1]
    sign = 1 if (margin > 0).sum() >= (margin <= 0).sum() else -1
    certainty = np.sort(sign * margin[sign * margin > 0])
    shift = -sign * (certainty[1] + certainty[2]) / 2
    model = onnx.load(exported.out / "models" / "resnet18.fp32.onnx")
    bias = next(i for i in model.graph.initializer if i.name.endswith("fc.bias"))
    moved = onnx.numpy_helper.to_array(bias) + np.array([shift, 0], np.float32)
    bias.CopyFrom(onnx.numpy_helper.from_array(moved, bias.name))
    path = scratch / "resnet18.spoilt.onnx"
    onnx.save(model, path)
    subject = TrainedMember("resnet18", "resnet18", 1.0, path, {}, original, np.zeros((2, 512), np.float32), 0)
    found = assess_artefact(path, subject, RECIPES["fp32"], scans)
    assert found.parity.flips == 2
    assert found.parity.max_abs_logit == pytest.approx(abs(shift), abs=1e-4)
    expected = softmax(logits + np.array([shift, 0]), found.output.temperature)
    np.testing.assert_allclose(found.output.probabilities, expected, atol=1e-4)
    assert found.parity.max_abs_probability == pytest.approx(np.abs(expected - original.probabilities).max(), abs=1e-4)
    accuracy = (expected.argmax(1) == scans.validation.targets).mean()
    assert found.parity.accuracy == pytest.approx(accuracy)
    assert found.reference.shape == (len(scans.reference), 2)
    assert {"logit", "flips"} <= {check.figure for check in found.gate.failures}
