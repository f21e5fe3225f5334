"""What a recalibration improves, what it refuses, and what the new bundle says of itself."""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from edge_run import Ensemble
from edge_run.bundle.bundle import Bundle
from edge_run.cases import CaseLog, reading
from edge_run.ensemble.verify import verify
from edge_run.errors import GateError, UsageError
from edge_run.flags.thresholds import Target
from edge_run.recalibrate import Report, Request, recalibrate
from edge_run.recalibrate.labelled import select
from edge_run.recalibrate.patients import read_patients
from noted_cases import answer_of, draw, note
from toy import edge_run, scan, write_toy_bundle, zip_folder


def test_logits_that_are_too_large_get_higher_temperatures(bundle, log, noted, tmp_path):
    noted(*draw(80))
    found = recalibrate(bundle, log, tmp_path / "new")
    assert found.accepted
    assert found.gain > found.gain_error
    # The toy's temperatures at int8-cpu are all 2, and the logits many times too large for their noise.
    assert all(change.after > 2 * change.before for change in found.temperatures.values())
    assert found.weights["resnet101"].after == pytest.approx(0.25, abs=0.1)
    new = Bundle(tmp_path / "new")
    assert found.sha256 == new.sha256
    assert found.nll.after < found.nll.before
    assert new.manifest.evaluation["int8-cpu"].split == "noted cases"


def test_new_bundle_names_its_parent_everywhere(bundle, log, noted, tmp_path, capsys):
    noted(*draw(60))
    recalibrate(bundle, log, tmp_path / "new")
    new = Bundle(tmp_path / "new")
    assert new.manifest.recalibration.ancestors == (bundle.sha256,)
    assert (new.parent, bundle.parent) == (bundle.sha256, None)
    assert new.licence() == b"Do as you like.\n"
    with Ensemble(new) as ensemble, CaseLog.open(tmp_path / "later.sqlite") as later:
        prediction = ensemble.predict(scan(0))
        later.append(prediction)
        (case,) = reading.cases(later)
    record = prediction.to_dict()
    for said in (record, case):
        assert (said["bundle"], said["bundle_sha256"]) == ("new", new.sha256)
        assert said["bundle_parent_sha256"] == bundle.sha256
    with Ensemble(bundle) as ensemble:
        assert ensemble.predict(scan(0)).to_dict()["bundle_parent_sha256"] is None
    told = edge_run(capsys, "info", new.path).out
    assert f"Recalibrated from toy {bundle.sha256[:12]}" in " ".join(told.split())
    card = edge_run(capsys, "info", new.path, "--card").out
    assert f"**Recalibrated** from toy `{bundle.sha256[:16]}`" in card
    assert "Each was answered by a vote that was fitted without it" in card
    assert "Not stored for fp32." in card


def test_new_bundle_verifies_and_answers_by_the_new_vote(bundle, log, noted, tmp_path):
    noted(*draw(60))
    found = recalibrate(bundle, log, tmp_path / "new")
    assert all(check.passed for check in verify(tmp_path / "new"))
    with Ensemble(Bundle(tmp_path / "new")) as new, Ensemble(bundle) as old:
        ours, before = (each.predict(scan(3)) for each in (new, old))
    assert [m.logits for m in ours.members] == [m.logits for m in before.members]
    assert ours.probabilities != before.probabilities
    assert {m.id: m.weight for m in ours.members} == {name: c.after for name, c in found.weights.items()}


def test_precision_without_cases_follows_in_proportion(bundle, log, noted, tmp_path):
    noted(*draw(60))
    recalibrate(bundle, log, tmp_path / "new")
    old, new = bundle.manifest, Bundle(tmp_path / "new").manifest
    for before, after in zip(old.members, new.members, strict=True):
        factors = [after.artefacts[p].temperature / before.artefacts[p].temperature for p in old.precisions]
        assert factors[0] == pytest.approx(factors[1])
    assert list(new.evaluation) == ["int8-cpu"]
    assert new.flags["fp32"].error is None
    assert new.flags["fp32"].low_confidence == new.flags["int8-cpu"].low_confidence


def test_vote_that_fits_already_is_left_alone(bundle, log, noted, tmp_path):
    # The toy divides by 2, and these logits are twice the log-odds of their evidence.
    noted(*draw(80, scale=1.4))
    with pytest.raises(GateError, match="nothing was changed: the new vote is not better"):
        recalibrate(bundle, log, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_noise_is_not_made_into_a_vote(bundle, log, noted, tmp_path):
    noted(*draw(80, skill=0.0))
    with pytest.raises(GateError, match="not better than chance"):
        recalibrate(bundle, log, tmp_path / "new")
    assert list(tmp_path.glob("*new*")) == []


def test_scans_without_a_wrong_answer_do_not_tell_how_sure_to_be(bundle, log, noted, tmp_path):
    noted(*draw(60, skill=6.0, scale=1.0))
    with pytest.raises(GateError, match="resnet18: the temperature is at its limit"):
        recalibrate(bundle, log, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_vote_that_is_worse_than_a_member_is_warned_of_and_kept(bundle, log, noted):
    # Much better than the present vote, if not as good as the one good member by itself.
    logits, truth = draw(80)
    good, _ = draw(80, skill=1.4)
    noted(np.concatenate([good[:1], logits[1:]]), truth)
    found = recalibrate(bundle, log, None)
    assert found.accepted
    assert found.weights["resnet18"].after > 0.4


@pytest.mark.parametrize("scans", [0, 38])
def test_too_few_of_a_class_are_refused(bundle, log, noted, scans):
    noted(*draw(scans))
    with pytest.raises(UsageError, match=rf"{scans // 2} of covid and {scans // 2} of non_covid.*at least 20"):
        recalibrate(bundle, log, None)


def test_what_is_left_out_is_counted(bundle, log, noted):
    logits, truth = draw(10)
    noted(logits, truth)
    noted(logits[:, :4], truth[:4])
    noted(logits[:, :2], truth[:2], first=20, notes=False)
    noted(logits[:, :1], truth[:1], first=30, bundle_sha256="f" * 64)
    noted(logits[:, :3], truth[:3], first=40, precision="fp32")
    noted(logits[:, 4:5], truth[4:5], first=50, interval=(0.1, 0.9))
    found = select(bundle, lambda: reading.cases(log))
    assert len(found.cases.targets) == 10
    assert found.cases.targets.tolist() == truth.tolist()
    assert found.left_out == {
        "no label noted": 2,
        "answered by another bundle": 1,
        "answered at another precision": 3,
        "stopped early": 1,
        "same scan answered again later": 4,
    }
    assert found.early_scans == 1
    assert sum(found.left_out.values()) + 10 == len(list(reading.cases(log)))
    assert len(select(bundle, lambda: reading.cases(log), "fp32").cases.targets) == 3


def test_last_label_of_a_scan_counts_whichever_answer_it_is_about(bundle, log, noted):
    logits, _ = draw(1)
    (early,) = noted(logits, [0], interval=(0.1, 0.9))
    noted(logits, [0], notes=False)
    note(log, early, None)
    note(log, early, "non_covid")
    found = select(bundle, lambda: reading.cases(log))
    assert (found.cases.targets.tolist(), found.corrected) == ([1], 1)
    assert found.early_scans == 0


def test_same_pixels_in_two_files_are_one_group(bundle, log, noted):
    logits, truth = draw(6)
    noted(logits, truth)
    noted(logits[:, :2] + 1e-5, truth[:2], first=100)
    groups = select(bundle, lambda: reading.cases(log)).cases.groups
    assert groups[6:] == groups[:2]
    assert len(set(groups)) == 6


def test_many_early_exits_are_refused(bundle, log, noted):
    logits, truth = draw(60)
    noted(logits[:, :50], truth[:50])
    noted(logits[:, 50:], truth[50:], first=50, interval=(0.1, 0.9))
    with pytest.raises(UsageError, match="10 of 60 noted scans have only answers that stopped early"):
        recalibrate(bundle, log, None)


def test_answers_of_an_ancestor_count_again(bundle, log, noted, tmp_path):
    noted(*draw(60))
    recalibrate(bundle, log, tmp_path / "new")
    child = Bundle(tmp_path / "new")
    assert len(select(child, lambda: reading.cases(log)).cases.targets) == 60
    # On the same cases a second time there is nothing to gain.
    with pytest.raises(GateError, match="not better than the present one"):
        recalibrate(child, log, tmp_path / "third")


def test_altered_log_is_refused(bundle, log, noted):
    noted(*draw(60))
    log.connection.execute("UPDATE entries SET entry = replace(entry, 'non_covid', 'covid') WHERE seq = 4")
    with pytest.raises(GateError, match="was altered"):
        recalibrate(bundle, log, None)


def test_operating_point_moves_where_the_classes_lie_elsewhere(bundle, log, noted):
    logits, truth = draw(120, skill=1.5)
    # Every scan looks more like the positive class than it should.
    noted(logits + np.array([30.0, 0.0]), truth)
    found = recalibrate(bundle, log, None)
    assert found.threshold.before == 0.5
    assert found.threshold.after > 0.6
    assert found.threshold_gain > found.threshold_error
    asked = recalibrate(bundle, log, None, Request(operating_point="0.3"))
    assert (asked.threshold.after, asked.threshold_gain) == (0.3, None)
    with pytest.raises(UsageError, match="operating point 'best'"):
        recalibrate(bundle, log, None, Request(operating_point="best"))


def test_flags_follow_the_new_vote_and_their_target(bundle, log, noted):
    noted(*draw(100))
    found = recalibrate(bundle, log, None, Request(flag_target=Target("rate", 0.2)))
    assert found.flags.target == "rate=0.2"
    assert 0.1 < found.flags.rate <= 0.2
    assert found.flags.error_bound is not None
    with pytest.raises(UsageError, match="cannot be promised"):
        recalibrate(bundle, log, None, Request(flag_target=Target("error", 0.001)))


def test_three_classes_have_no_operating_point(tmp_path):
    three = Bundle(write_toy_bundle(tmp_path / "toy3", members=2, labels=("a", "b", "c")))
    rng = np.random.default_rng(1)
    truth = np.arange(75) % 3
    noise = rng.normal(size=(75, 3)) + 0.3 * rng.normal(size=(2, 75, 3))
    logits = 12 * (np.eye(3)[truth] + noise)
    with CaseLog.open(tmp_path / "cases.sqlite") as log:
        log.connection.execute("PRAGMA synchronous = OFF")
        for n, (rows, target) in enumerate(zip(logits.transpose(1, 0, 2), truth, strict=True)):
            note(log, log.append(answer_of(three, rows, scan=f"{n:064x}")), three.labels[target])
        found = recalibrate(three, log, tmp_path / "new")
    assert found.threshold.after is None
    assert Bundle(tmp_path / "new").manifest.recalibration.labels == {"a": 25, "b": 25, "c": 25}


def test_zip_to_zip(log, noted, bundle, tmp_path):
    noted(*draw(60))
    packed = Bundle(zip_folder(bundle.path))
    assert packed.sha256 == bundle.sha256
    recalibrate(packed, log, tmp_path / "new.zip", Request(name="ward-7"))
    assert Bundle(tmp_path / "new.zip").manifest.name == "ward-7"
    assert all(check.passed for check in verify(tmp_path / "new.zip"))


def test_patients_are_counted_together_where_the_hospital_lists_them(bundle, log, tmp_path):
    logits, truth = draw(12)
    for n, (rows, target) in enumerate(zip(logits.transpose(1, 0, 2), truth, strict=True)):
        case = log.append(answer_of(bundle, rows, scan=f"{n:064x}"), accession=f"A-{n // 2}" if n < 8 else "")
        note(log, case, bundle.labels[target])
    table = tmp_path / "patients.csv"
    table.write_text("accession,patient\nA-0,Jo\nA-1,Jo\nA-2,Mo\n")
    found = select(bundle, lambda: reading.cases(log), patients=read_patients(table))
    # Four scans of Jo, two of Mo, two of an examination that the table lacks, and four without a number.
    assert found.patients == 6
    assert [found.cases.groups.count(name) for name in ("patient Jo", "patient Mo")] == [4, 2]
    assert len(set(found.cases.groups)) == 8


def test_scans_of_few_patients_are_refused(bundle, log):
    logits, truth = draw(60)
    for n, (rows, target) in enumerate(zip(logits.transpose(1, 0, 2), truth, strict=True)):
        case = log.append(answer_of(bundle, rows, scan=f"{n:064x}"), accession=f"A-{n % 6}")
        note(log, case, bundle.labels[target])
    few = Request(patients={f"A-{n}": f"P{n}" for n in range(6)})
    with pytest.raises(UsageError, match="too few patients"):
        recalibrate(bundle, log, None, few)


@pytest.mark.parametrize("text", [b"a,b\n1,2\n", b"\xff\xfe", None])
def test_table_of_patients_that_is_none_is_refused(tmp_path, text):
    table = tmp_path / "patients.csv"
    if text is not None:
        table.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        read_patients(table)
    assert "accession,patient" in caught.value.hint


def test_answers_of_another_export_of_the_same_networks_count_where_asked_for(bundle, log, noted, tmp_path):
    def described(manifest):
        manifest["card"]["summary"] = "The same networks in other words."

    twin = Bundle(write_toy_bundle(tmp_path / "toy", mutate=described))
    assert twin.sha256 != bundle.sha256
    noted(*draw(60), bundle_sha256=twin.sha256)
    with pytest.raises(UsageError, match="60 answered by another bundle"):
        recalibrate(bundle, log, None)
    assert recalibrate(bundle, log, None, Request(also=(twin,))).accepted
    fewer = Bundle(write_toy_bundle(tmp_path / "fewer", members=2))
    with pytest.raises(UsageError, match="has other networks"):
        recalibrate(bundle, log, None, Request(also=(fewer,)))


def test_command(bundle, log, noted, tmp_path, capsys):
    noted(*draw(60))
    at = ("--case-log", log.path)
    assert edge_run(capsys, "recalibrate", bundle.path, *at).code == 2
    dry = edge_run(capsys, "recalibrate", bundle.path, *at, "--dry-run")
    assert dry.code == 0
    assert "used: 60 noted scans (30 covid, 30 non_covid)" in dry.out
    assert "a dry run" in dry.out
    out = tmp_path / "new"
    done = edge_run(capsys, "recalibrate", bundle.path, *at, "--out", out, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["sha256"] == Bundle(out).sha256
    again = edge_run(capsys, "recalibrate", bundle.path, *at, "--out", out)
    assert (again.code, "exists" in again.err) == (2, True)
    refused = edge_run(capsys, "recalibrate", out, *at, "--out", tmp_path / "third")
    assert refused.code == 6
    assert "NLL changes by" in refused.out
    assert not (tmp_path / "third").exists()


def test_needs_neither_torch_nor_scipy():
    code = "import sys, edge_run.recalibrate; print({'torch', 'scipy', 'edge_train', 'matplotlib'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_report_is_json():
    assert msgspec.json.schema(Report)
