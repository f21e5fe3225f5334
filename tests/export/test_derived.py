"""A bundle that stores INT8 alone and promises the other forms."""

from __future__ import annotations

import json

import pytest

from edge_export import Target, add_derived_forms
from edge_run import Bundle, Ensemble, GateError, UsageError, verify
from edge_run.bundle.derive import FORMS
from toy import edge_run, png, scan, write_toy_bundle


@pytest.fixture(scope="module")
def compact(exported, tmp_path_factory):
    out = tmp_path_factory.mktemp("compact") / "phantom"
    lines = []
    from edge_export import Reporter

    manifest = add_derived_forms(
        Bundle(exported.out), [exported.data], out, tolerances=exported.tolerances, reporter=Reporter(lines.append)
    )
    return out, manifest, lines


def test_one_file_for_each_member_and_every_form_measured(exported, compact):
    out, manifest, lines = compact
    assert manifest.stored_precisions == ("int8-cpu",)
    assert manifest.precisions == ("int8-cpu", *FORMS)
    assert sorted(path.suffix for path in (out / "models").iterdir()) == [".npy", ".npy", ".onnx", ".onnx"]
    for record in (manifest.parity, manifest.evaluation, manifest.flags, manifest.profile):
        assert set(record) == set(manifest.precisions)
    assert all(any(line.startswith(f"vote {form}:") for line in lines) for form in FORMS)
    stored = {m.id: m.artefacts["int8-cpu"].file for m in exported.manifest.members}
    assert {m.id: m.artefacts["int8-cpu"].file for m in manifest.members} == stored


def test_device_derives_what_it_is_asked_for_and_answers_nearly_as_the_trained_network(exported, compact, capsys):
    out, _, _ = compact
    derived = edge_run(capsys, "derive", out, "--precision", "fp32,fp16", "--json")
    assert derived.code == 0, derived.err
    assert {one["precision"] for one in json.loads(derived.out)["networks"]} == {"fp32", "fp16"}
    checks = verify(out)
    assert {check.name.partition(".")[2] for check in checks} >= {"int8-cpu", "fp32", "fp16"}
    assert all(check.passed for check in checks)
    with Ensemble.load(out, precision="fp32") as ours, Ensemble.load(exported.out, precision="fp32") as trained:
        found, wanted = (one.predict(png(scan())) for one in (ours, trained))
    assert found.probabilities["covid"] == pytest.approx(wanted.probabilities["covid"], abs=0.1)


def test_form_that_decides_otherwise_is_refused(exported, tmp_path):
    tight = dict.fromkeys(exported.tolerances, 0.0)
    with pytest.raises(GateError, match="differ too much from int8-cpu"):
        # Float forms, which nothing repairs.
        add_derived_forms(
            Bundle(exported.out), [exported.data], tmp_path / "new", forms=["fp32", "fp16"], tolerances=tight
        )
    assert not (tmp_path / "new").exists()


def test_form_that_is_none_is_refused(exported, tmp_path):
    with pytest.raises(UsageError, match="int4 cannot be derived"):
        add_derived_forms(Bundle(exported.out), [exported.data], tmp_path / "new", forms=["fp32", "int4"])


def test_command_measures_a_bundle(exported, tmp_path, capsys):
    out = tmp_path / "new"
    loose = [word for name in exported.tolerances for word in ("--tolerance", f"{name}=1")]
    done = edge_run(capsys, "export", exported.out, exported.data, "--out", out, "--precision", "fp32", *loose)
    assert done.code == 0, done.err
    assert Bundle(out).manifest.precisions == ("int8-cpu", "fp32")


def test_bundle_without_int8_derives_nothing(tmp_path):
    def rename(manifest):
        for member in manifest["members"]:
            member["artefacts"] = {"fp32": member["artefacts"]["fp32"]}

    bundle = Bundle(write_toy_bundle(tmp_path / "toy", members=1, mutate=rename))
    with pytest.raises(UsageError, match="does not store int8-cpu"):
        add_derived_forms(bundle, [], tmp_path / "new", flag_target=Target())
