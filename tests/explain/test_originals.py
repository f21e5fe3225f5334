"""With a run, only the very networks that the bundle was exported from are accepted."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from edge_explain import load_originals, training_scans
from edge_run import Bundle
from edge_run.errors import BundleError, DataError
from edge_train import read_folders


@pytest.fixture
def records(real, tmp_path):
    """The run's records, to be changed, beside its weights."""
    for name in ("run.json", "ensemble.json"):
        shutil.copyfile(real.run / name, tmp_path / name)
    (tmp_path / "members").symlink_to(real.run / "members")
    return tmp_path


def change(path, edit):
    record = json.loads(path.read_bytes())
    edit(record)
    path.write_text(json.dumps(record))


def test_originals_of_the_run_answer(real):
    originals = load_originals(Bundle(real.bundle), real.run)
    assert originals.ids == ("resnet18",)
    assert originals.sha256 == Bundle(real.bundle).manifest.provenance.weights
    member = originals.member("resnet18")
    assert originals.member("resnet18") is member
    assert not member.training
    assert not any(parameter.requires_grad for parameter in member.parameters())
    found = originals.probabilities(np.zeros((2, 64, 64), np.uint8))
    assert found.shape == (2, 2)
    assert found.sum(axis=1) == pytest.approx([1, 1])


def test_other_weights_are_refused_by_name(real, records):
    change(records / "run.json", lambda run: run["members"][0].update(sha256="a" * 64))
    with pytest.raises(BundleError, match="other weights of resnet18") as caught:
        load_originals(Bundle(real.bundle), records)
    assert "aaaaaaaaaaaa, not " in caught.value.message
    assert "edge-run export" in caught.value.hint


def test_file_that_is_not_what_the_run_names_is_refused(real, records):
    (records / "members").unlink()
    (records / "members" / "resnet18").mkdir(parents=True)
    (records / "members" / "resnet18" / "model.safetensors").write_bytes(b"another")
    originals = load_originals(Bundle(real.bundle), records)
    with pytest.raises(BundleError, match="not the file that"):
        originals.member("resnet18")


def test_run_without_the_member_is_refused(real, records):
    change(records / "run.json", lambda run: run["members"][0].update(id="resnet50"))
    with pytest.raises(BundleError, match=r"resnet18 \(none, not "):
        load_originals(Bundle(real.bundle), records)


@pytest.mark.parametrize(
    "edit",
    [lambda run: run.update(labels=["non_covid", "covid"]), lambda run: run["config"]["preprocess"].update(size=96)],
)
def test_other_labels_or_preprocessing_are_refused(real, records, edit):
    change(records / "run.json", edit)
    with pytest.raises(BundleError, match="labels or its preprocessing"):
        load_originals(Bundle(real.bundle), records)


def test_bundle_that_resizes_in_whole_numbers_is_that_of_a_run_that_did_not(real, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(real.bundle, bundle)
    exact = {"shrink": "AREA_EXACT", "enlarge": "INTER_LINEAR_EXACT"}
    change(bundle / "bundle.json", lambda manifest: manifest["preprocess"].update(exact))
    assert load_originals(Bundle(bundle), real.run).ids == ("resnet18",)


def test_bundle_may_carry_its_originals(real, tmp_path):
    bundle = tmp_path / "bundle"
    shutil.copytree(real.bundle, bundle)
    assert load_originals(Bundle(bundle)).origin == "originals rebuilt from the bundle, fp32"
    (bundle / "originals").symlink_to(real.run)
    assert load_originals(Bundle(bundle)).origin == "trained originals of the run"


def test_folder_that_is_no_run_is_refused(real, tmp_path):
    with pytest.raises(BundleError, match=r"run\.json is missing"):
        load_originals(Bundle(real.bundle), tmp_path)


def test_background_is_training_scans_evenly_by_class(real):
    bundle = Bundle(real.bundle)
    found = training_scans(bundle, [real.data], real.run, scans=4)
    assert found.pixels.shape == (4, 64, 64)
    assert found.origin == "4 training scans, evenly by class"
    train = read_folders([real.data]).of("train").samples
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_train.data.dataset import decode

    pixels = decode(train, PreprocessSpec(size=64)).pixels
    places = [next(n for n, other in enumerate(pixels) if (other == scan).all()) for scan in found.pixels]
    assert len(set(places)) == 4
    assert sorted(train[place].label for place in places) == ["covid", "covid", "non_covid", "non_covid"]
    assert training_scans(bundle, [real.data], real.run, scans=4).sha256 == found.sha256
    assert training_scans(bundle, [real.data], real.run, scans=4, seed=1).sha256 != found.sha256
    assert len(training_scans(bundle, [real.data], real.run, scans=1000).pixels) == len(train)


def test_other_scans_are_refused(real, tmp_path):
    other = tmp_path / "phantoms"
    shutil.copytree(real.data, other)
    rows = (other / "splits.csv").read_text().splitlines()
    (other / "splits.csv").write_text("\n".join([rows[0], *reversed(rows[2:])]) + "\n")
    with pytest.raises(DataError, match="not the ones that the bundle toy was trained on"):
        training_scans(Bundle(real.bundle), [other], real.run)


def test_training_scans_need_no_run_where_the_bundle_names_them(real, tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(real.bundle, folder)
    fingerprint = read_folders([real.data]).fingerprint
    change(folder / "bundle.json", lambda manifest: manifest["provenance"].update(data_fingerprint=fingerprint))
    assert training_scans(Bundle(folder), [real.data], scans=2).pixels.shape == (2, 64, 64)
    with pytest.raises(DataError, match="not the ones") as caught:
        training_scans(Bundle(real.bundle), [real.data])
    assert "--run" in caught.value.hint
