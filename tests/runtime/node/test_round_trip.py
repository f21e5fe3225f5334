"""Objects sent to a real Orthanc come back as they were; an audit proves it, and names what was done to them."""

from __future__ import annotations

import dataclasses
import io

import pytest

from answers import PROOF, answer, answers, ct_series
from edge_run.cases import CaseLog
from edge_run.cases.purge import purge
from edge_run.cases.series import SeriesFacts, append_objects, append_series
from edge_run.node.audit import Archive, audit
from edge_run.node.outbox import Sending
from edge_run.node.results import ResultOptions, result_objects
from edge_run.node.results.content import hashes
from edge_run.node.settings import Destination, Settings
from edge_run.node.statuses import Outcome
from edge_run.node.storing import send
from edge_run.node.web import has, store
from orthanc import Orthanc
from toy import edge_run

ALL = ResultOptions(key_objects=True, presentation_state=True, parametric_map=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def orthanc(server):
    server.clear()
    return server


def batch(objects, folder):
    """Write objects as the outbox does."""
    folder.mkdir(exist_ok=True)
    rows = []
    for one in objects:
        path = folder / f"{one.SOPInstanceUID}.dcm"
        one.save_as(path, enforce_file_format=True)
        rows.append(Sending(one.SOPInstanceUID, one.SOPClassUID, path, 0, "queued", None))
    return rows


def by_stow(orthanc, objects, folder):
    return store(Destination("web", url=orthanc.web), batch(objects, folder))


def by_c_store(orthanc, objects, folder):
    destination = Destination("dicom", ae_title="ORTHANC", host="127.0.0.1", port=orthanc.port)
    return send(Settings(), destination, batch(objects, folder))


def put(orthanc, *objects):
    for one in objects:
        buffer = io.BytesIO()
        one.save_as(buffer, enforce_file_format=True)
        orthanc.rest("POST", "/instances", buffer.getvalue())


def fetched(orthanc, sop_uid):
    from pydicom import dcmread

    return dcmread(io.BytesIO(orthanc.rest("GET", f"/instances/{orthanc.instance(sop_uid)}/file")))


def facts(one):
    return SeriesFacts(
        inputs_sha256="a" * 64,
        finding=one.finding.value,
        positive=one.positive,
        label=one.label,
        probability=one.probability,
        interval=one.interval,
        flags=tuple({"name": flag.name, "reason": flag.reason} for flag in one.flags),
        failure=one.failure,
        slices=one.slices,
        unreadable=one.unreadable,
        answer_version=one.version,
        source={"bundle": PROOF.bundle, "bundle_sha256": PROOF.bundle_sha256},
    )


def answered(log, paths, one):
    """Log an answer, make its objects and log their hashes, as the node does."""
    logged = append_series(log, facts(one))
    proof = dataclasses.replace(PROOF, case=logged.case, chain_head=logged.hash, answered_at=logged.utc)
    objects = result_objects(paths, one, proof)
    append_objects(log, logged.case, [hashes(made) for made in objects])
    return objects


@pytest.fixture
def log(tmp_path):
    with CaseLog.open(tmp_path / "cases.sqlite") as opened:
        yield opened


@pytest.fixture
def reported(tmp_path, log, orthanc):
    """Three answered series, whose objects are in the archive: of each the report."""
    reports = []
    for seed, kind in enumerate(("present", "absent", "failed")):
        paths = ct_series(tmp_path / f"series{seed}", seed=seed)
        objects = answered(log, paths, answers(paths)[kind])
        put(orthanc, *objects)
        reports.append(objects[0])
    return reports


def kinds(found):
    return [(fault.kind, fault.case) for fault in found.faults]


@pytest.mark.parametrize("way", [by_stow, by_c_store])
def test_every_object_comes_back_as_it_was_sent(tmp_path, orthanc, way):
    paths = ct_series(tmp_path / "series")
    objects = result_objects(paths, answer(paths), PROOF, None, ALL)
    assert len(objects) == 5
    outcomes = way(orthanc, objects, tmp_path / "out")
    assert [outcomes[one.SOPInstanceUID].outcome for one in objects] == [Outcome.STORED] * 5
    for one in objects:
        assert has(Destination("web", url=orthanc.web), one.SOPInstanceUID).outcome is Outcome.STORED
        back = fetched(orthanc, one.SOPInstanceUID)
        assert hashes(back) == hashes(one)
        assert str(back.PatientName) == "PHANTOM^DRAWN"
    assert (fetched(orthanc, objects[1].SOPInstanceUID).pixel_array == objects[1].pixel_array).all()
    # Results stay in the study that they are about.
    assert len(orthanc.rest("GET", "/studies")) == 1


def test_object_sent_again_on_another_way_is_kept_once(tmp_path, orthanc):
    paths = ct_series(tmp_path / "series")
    for way in (by_stow, by_c_store, by_stow):
        way(orthanc, result_objects(paths, answer(paths), PROOF), tmp_path / "out")
    assert len(orthanc.rest("GET", "/instances")) == 2


@pytest.mark.usefixtures("reported")
def test_archive_and_log_agree(log, orthanc):
    found = audit(log, Archive(orthanc.web).reports())
    assert (found.logged, found.reports, found.proved, found.faults) == (3, 3, 3, [])


def test_missing_report_is_named(log, orthanc, reported):
    orthanc.rest("DELETE", f"/instances/{orthanc.instance(reported[1].SOPInstanceUID)}")
    found = audit(log, Archive(orthanc.web).reports())
    assert [fault.kind for fault in found.faults] == ["missing"]
    assert (found.reports, found.proved) == (2, 2)
    assert found.faults[0].case in found.faults[0].message


def test_changed_finding_is_named(log, orthanc, reported):
    forged = reported[1].copy()
    for item in forged.ContentSequence[-1].ContentSequence[0].ContentSequence:
        if item.ValueType == "CODE" and item.ConceptCodeSequence[0].CodeMeaning == "Absent":
            item.ConceptCodeSequence[0].CodeValue = "52101004"
            item.ConceptCodeSequence[0].CodeMeaning = "Present"
    orthanc.rest("DELETE", f"/instances/{orthanc.instance(forged.SOPInstanceUID)}")
    put(orthanc, forged)
    found = audit(log, Archive(orthanc.web).reports())
    assert [fault.kind for fault in found.faults] == ["altered"]
    assert "says present, the log says absent" in found.faults[0].message


def test_report_that_was_moved_to_another_patient_is_named(log, orthanc, reported):
    moved = orthanc.rest(
        "POST",
        f"/instances/{orthanc.instance(reported[0].SOPInstanceUID)}/modify",
        {"Replace": {"PatientName": "SOMEBODY^ELSE"}, "Keep": ["SOPInstanceUID"], "Force": True},
    )
    orthanc.rest("DELETE", f"/instances/{orthanc.instance(reported[0].SOPInstanceUID)}")
    orthanc.rest("POST", "/instances", moved)
    found = audit(log, Archive(orthanc.web).reports())
    assert [fault.kind for fault in found.faults] == ["altered"]
    assert "patient, study or references" in found.faults[0].message


@pytest.mark.usefixtures("reported")
def test_report_that_was_never_logged_is_named(tmp_path, log, orthanc):
    paths = ct_series(tmp_path / "stranger", seed=9)
    put(orthanc, *result_objects(paths, answer(paths), PROOF))
    found = audit(log, Archive(orthanc.web).reports())
    assert kinds(found) == [("unknown", PROOF.case)]


def test_second_report_about_a_logged_case_is_named(tmp_path, log, orthanc, reported):
    paths = ct_series(tmp_path / "stranger", seed=9)
    case, head = (
        next(item.TextValue for item in _texts(reported[0]) if item.TextValue.startswith(name)).split(": ")[1]
        for name in ("case", "chain head")
    )
    one = answers(paths)["present"]
    put(orthanc, *result_objects(paths, one, dataclasses.replace(PROOF, case=case, chain_head=head)))
    found = audit(log, Archive(orthanc.web).reports())
    assert kinds(found) == [("unknown", case)]


def _texts(report):
    for item in report.ContentSequence[-1].ContentSequence[0].ContentSequence:
        if item.ValueType == "TEXT":
            yield item


@pytest.mark.usefixtures("reported")
def test_log_that_was_rewritten_is_named(log, orthanc):
    log.connection.execute("UPDATE entries SET entry = replace(entry, 'absent', 'present')")
    found = audit(log, Archive(orthanc.web).reports())
    assert {fault.kind for fault in found.faults} == {"log", "altered"}


@pytest.mark.usefixtures("reported")
def test_purged_cases_are_neither_proved_nor_unknown(log, orthanc):
    purge(log, "2999-01-01T00:00:00.000Z")
    found = audit(log, Archive(orthanc.web).reports())
    assert (found.logged, found.reports, found.purged, found.faults) == (0, 3, 3, [])


@pytest.mark.usefixtures("reported")
def test_audits_since_a_time_pass_over_what_is_older(log, orthanc):
    orthanc.clear()
    assert len(audit(log, Archive(orthanc.web).reports()).faults) == 3
    assert audit(log, Archive(orthanc.web).reports(), since="2999-01-01T00:00:00.000Z").faults == []


def test_other_manufacturers_reports_are_passed_over(log, orthanc, reported):
    other = reported[0].copy()
    other.Manufacturer, other.SOPInstanceUID, other.SeriesInstanceUID = "somebody", "2.25.77", "2.25.78"
    other.file_meta.MediaStorageSOPInstanceUID = "2.25.77"
    put(orthanc, other)
    assert audit(log, Archive(orthanc.web).reports()).faults == []


@pytest.mark.usefixtures("log", "reported")
def test_many_reports_are_found_page_by_page(orthanc, monkeypatch):
    monkeypatch.setattr("edge_run.node.audit.archive.PAGE", 2)
    assert len(list(Archive(orthanc.web).reports())) == 3


@pytest.mark.usefixtures("log", "reported")
def test_command_says_whether_they_agree_and_ends_with_6_where_not(tmp_path, capsys, orthanc):
    options = ("--dicomweb", orthanc.web, "--case-log", tmp_path / "cases.sqlite")
    agrees = edge_run(capsys, "cases", "audit", *options)
    assert (agrees.code, agrees.out) == (
        0,
        "ok    3 answers in the log, 3 reports in the archive, 3 of them exactly as logged\n",
    )
    orthanc.clear()
    differs = edge_run(capsys, "cases", "audit", *options)
    assert differs.code == 6
    assert differs.out.count("missing") == 3
    assert "edge-run node status" in differs.err


@pytest.mark.usefixtures("log")
def test_command_explains_an_address_that_is_none(tmp_path, capsys, orthanc):
    def run(url):
        return edge_run(capsys, "cases", "audit", "--dicomweb", url, "--case-log", tmp_path / "cases.sqlite")

    assert (run("orthanc:8042").code, run("http://127.0.0.1:9/dicom-web").code) == (2, 3)
    wrong = run(orthanc.web.replace("dicom-web", "nothing-here"))
    assert wrong.code == 3
    assert "dicom-web" in wrong.err
