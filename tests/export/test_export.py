"""The whole way: scans -> run -> bundle -> answer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edge_export.gate.precisions import RECIPES
from edge_export.scans.export_scans import read_export_scans
from edge_run import Bundle, Ensemble
from edge_run.ensemble.verify import verify
from edge_run.heatmap.activation import contrast_map
from edge_run.voting.vote import softmax, vote
from edge_train.data.dataset import decode, read_folders
from edge_train.networks.infer import infer

PRECISIONS = ("fp32", "fp16", "int8-cpu")
"""What the CPU backend runs."""


@pytest.fixture(scope="module")
def dataset(exported):
    return read_folders([exported.data])


@pytest.fixture(scope="module")
def scans(exported, dataset):
    """Validation scans ``[N, 1, size, size] uint8``."""
    return decode(dataset.of("val").samples, exported.run.record.config.preprocess).pixels[:, None]


@pytest.fixture(scope="module")
def originals(exported, scans):
    """Logits of the PyTorch members."""
    return {v.id: infer(exported.run.member(v.id), scans[:, 0]) for v in exported.run.ensemble.members}


@pytest.fixture(scope="module")
def outputs(exported, scans):
    """What the bundle's members return, by precision."""
    found = {}
    for precision in PRECISIONS:
        with Ensemble.load(exported.out, precision=precision, threads=1) as ensemble:
            found[precision] = dict(zip(("resnet18", "googlenet"), ensemble.outputs(scans), strict=True))
    return found


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_the_bedside_map_of_fp32_is_captums_grad_cam(arch, exported, scans, outputs):
    from edge_explain.methods.gradcam import grad_cam
    from edge_explain.parity import compare

    bundle = Bundle(exported.out)
    head = bundle.read_array(next(m.head for m in bundle.manifest.members if m.id == arch))
    for label in range(2):
        bedside = contrast_map(outputs["fp32"][arch].features[0], head, label)
        found = compare(bedside, grad_cam(exported.run.member(arch), scans[0, 0], label))
        assert found.max_abs < 1e-4
        assert found.cosine > 0.999999


def share_of_range(difference, reference):
    return np.abs(difference).max() / np.ptp(reference)


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_fp32_answers_as_pytorch(arch, exported, outputs, originals):
    difference = np.abs(outputs["fp32"][arch].logits - originals[arch]).max()
    assert difference < 1e-4
    member = next(m for m in exported.manifest.members if m.id == arch)
    assert member.artefacts["fp32"].parity.max_abs_logit == pytest.approx(difference, abs=1e-5)


@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_int8_answers_nearly_as_pytorch(arch, exported, outputs, originals):
    found = outputs["int8-cpu"][arch]
    difference = np.abs(found.logits - originals[arch]).max()
    assert 0 < share_of_range(difference, originals[arch]) < 0.25
    signal = outputs["fp32"][arch].features
    noise = found.features - signal
    assert 10 * np.log10(np.square(signal).mean() / np.square(noise).mean()) > 15
    member = next(m for m in exported.manifest.members if m.id == arch)
    assert member.artefacts["int8-cpu"].parity.max_abs_logit == pytest.approx(difference, rel=1e-3)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("arch", ["resnet18", "googlenet"])
def test_class_activation_map_is_exact(precision, arch, exported, outputs):
    # The head sees the very features that are given out, quantised or not: their map is Grad-CAM.
    bundle = Bundle(exported.out)
    head = bundle.read_array(next(m.head for m in bundle.manifest.members if m.id == arch))
    bias = exported.run.member(arch).head.bias.detach().numpy()
    logits, features = outputs[precision][arch]
    assert features.shape[2:] == (2, 2)
    assert (features >= 0).all()
    maps = np.einsum("cw,nwyx->ncyx", head, features)
    # At fp16 the graph's own mean is rounded; rtol is half a unit in its last place.
    rtol = 2**-11 if precision == "fp16" else 1e-7
    np.testing.assert_allclose(maps.mean((2, 3)) + bias, logits, atol=1e-4, rtol=rtol)


def test_vote_is_that_of_the_run(exported, scans, originals):
    voters = exported.run.ensemble.members
    expected = vote(np.stack([softmax(originals[v.id], v.temperature) for v in voters]), [v.weight for v in voters])
    with Ensemble.load(exported.out, precision="fp32", threads=1) as ensemble:
        decisions = [vote.decision for vote in ensemble.vote(scans)]
    for decision, row in zip(decisions, expected, strict=True):
        assert [decision.probabilities[x] for x in ("covid", "non_covid")] == pytest.approx(list(row), abs=1e-3)
        assert decision.label == ("covid" if row[0] >= 0.5 else "non_covid")


@pytest.mark.parametrize("precision", [None, "fp32"])
def test_bundle_answers_a_file(precision, exported, dataset):
    sample = dataset.of("val").samples[0]
    with Ensemble.load(exported.out, precision=precision, threads=1) as ensemble:
        prediction = ensemble.predict(sample.path)
    assert prediction.source.precision == (precision or "int8-cpu")
    assert prediction.source.bundle == "phantom-ct"
    assert prediction.scan_sha256 == sample.sha256
    assert sum(prediction.decision.probabilities.values()) == pytest.approx(1)


def test_bundle_verifies(exported):
    checks = verify(Bundle(exported.out), threads=1)
    assert [c for c in checks if not c.passed] == []
    archs = ("resnet18", "googlenet")
    assert {c.name for c in checks} >= {"preprocessing", *(f"{a}.{p}" for a in archs for p in PRECISIONS)}


def test_manifest_tells_the_run(exported):
    run, manifest = exported.run, Bundle(exported.out).manifest
    assert manifest == exported.manifest
    assert manifest.name == "phantom-ct"
    assert manifest.precisions == tuple(RECIPES)
    assert [(m.id, m.weight) for m in manifest.members] == [(v.id, v.weight) for v in run.ensemble.members]
    assert (manifest.task.labels, manifest.task.positive) == (run.record.labels, run.record.positive)
    assert manifest.task.threshold == run.ensemble.threshold
    assert {thresholds.target for thresholds in manifest.flags.values()} == {"rate=0.1"}
    assert manifest.preprocess == run.record.config.preprocess.exact()
    assert manifest.provenance.weights == {m.id: m.sha256 for m in run.record.members}
    assert manifest.provenance.data_fingerprint == run.record.data.fingerprint
    assert manifest.provenance.versions.items() > run.record.versions.items()
    for member, voter in zip(manifest.members, run.ensemble.members, strict=True):
        assert member.artefacts["fp32"].temperature == pytest.approx(voter.temperature, rel=1e-2)
    assert manifest.evaluation["fp32"].scans == manifest.parity["int8-cpu"].scans == 8
    assert manifest.parity["fp32"].flips == 0
    assert manifest.parity["fp32"].accuracy == manifest.evaluation["fp32"].figures["accuracy"].value


def test_training_scans_alone_calibrate(exported, dataset):
    calibration = exported.manifest.provenance.calibration
    train = {s.sha256: s for s in dataset.of("train").samples}
    assert len(set(calibration)) == len(calibration) == 10
    assert set(calibration) <= set(train)
    assert sorted(train[sha].label for sha in calibration) == ["covid"] * 5 + ["non_covid"] * 5


def test_bundle_names_no_place_on_a_disk(exported):
    here = [Path(__file__).parents[2], exported.out.parent, Path(np.__file__).parents[1]]
    for file in (p for p in exported.out.rglob("*") if p.is_file()):
        raw = file.read_bytes()
        assert not [place for place in here if str(place).encode() in raw], file.name


def test_export_leaves_nothing_but_the_bundle(exported):
    assert [p.name for p in exported.out.parent.iterdir()] == ["phantom-ct"]
    files = {str(p.relative_to(exported.out)) for p in exported.out.rglob("*") if p.is_file()}
    entries = [m.head for m in exported.manifest.members]
    entries += [a.file for m in exported.manifest.members for a in m.artefacts.values()]
    entries += [exported.manifest.reference.image, exported.manifest.reference.scans]
    for thresholds in exported.manifest.flags.values():
        entries += [thresholds.feature_distance.statistics, *filter(None, [thresholds.typical])]
        entries += [thresholds.orientation.models] if thresholds.orientation else []
    assert files == {"bundle.json", *(entry.path for entry in entries)}
    assert exported.logging_before == exported.logging_after
    voices = ("resnet18", "googlenet", "vote", "flags")
    told = [line for line in exported.talk if not line.startswith(("note: verify compares", "orientation: "))]
    assert [line.split(":")[0] for line in told] == [f"{who} {p}" for who in voices for p in RECIPES]
    assert sum(line.startswith("orientation: ") for line in exported.talk) == 1


def test_four_drawn_scans_travel_with_a_bundle(exported):
    bundle = Bundle(exported.out)
    scans = bundle.read_array(bundle.manifest.reference.scans)
    side = bundle.manifest.preprocess.size
    assert scans.shape == (4, 1, side, side)
    for member in bundle.manifest.members:
        assert {len(artefact.reference_logits) for artefact in member.artefacts.values()} == {4}


@pytest.mark.usefixtures("compiled_before")
def test_zip_holds_the_same_bundle(exported, scratch):
    from edge_export import export

    card = scratch / "card.json"
    texts = {"summary": "phantoms", "intended_use": "tests", "licence": "CC0-1.0"}
    card.write_text(json.dumps(texts | {"limits": ["all"], "training_data": ["drawn"]}))
    out = scratch / "new" / "phantom-v1.2.zip"
    manifest = export(
        exported.run.folder,
        [exported.data],
        out,
        precisions=("int8-cpu", "int8-cpu"),
        calibration_scans=10,
        card=card,
        modality="CR",
        tolerances=exported.tolerances,
    )
    assert [p.name for p in out.parent.iterdir()] == [out.name]
    assert (manifest.name, manifest.task.modality, manifest.card.licence) == ("phantom-v1.2", "CR", "CC0-1.0")
    assert manifest.precisions == ("int8-cpu",)
    for member, before in zip(manifest.members, exported.manifest.members, strict=True):
        assert member.artefacts["int8-cpu"].file.sha256 == before.artefacts["int8-cpu"].file.sha256
    assert all(c.passed for c in verify(Bundle(out), threads=1))


def test_scans_that_calibrate_nothing_are_not_read(exported):
    scans = read_export_scans(exported.run, [exported.data], calibration_scans=0)
    assert scans.calibration.shape == (0, 64, 64)
    assert scans.calibration_sha256 == ()
    assert scans.validation.pixels.shape == (8, 64, 64)


def test_run_s_scans_are_recognised_wherever_they_lie(exported, tmp_path):
    moved = shutil.copytree(exported.data, tmp_path / exported.data.name)
    here, there = (read_export_scans(exported.run, [data], calibration_scans=3) for data in (exported.data, moved))
    assert here.calibration_sha256 == there.calibration_sha256
    assert np.array_equal(here.calibration, there.calibration)
