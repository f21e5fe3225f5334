"""After a recalibration, every door names the new bundle and the one it came from."""

from __future__ import annotations

import csv
import io
import json

import pytest

import toy
from edge_run import Ensemble
from edge_run.bundle.bundle import Bundle
from edge_run.recalibrate import recalibrate
from noted_cases import draw


@pytest.fixture
def new(bundle, log, noted, tmp_path):
    noted(*draw(60))
    recalibrate(bundle, log, tmp_path / "new")
    return Bundle(tmp_path / "new")


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(toy.png(toy.scan(1)))
    return path


def named(record):
    return {name: record[name] for name in ("bundle", "bundle_sha256", "bundle_parent_sha256")}


def test_command_line_python_and_case_log(bundle, new, scan, tmp_path, capsys):
    expected = {"bundle": "new", "bundle_sha256": new.sha256, "bundle_parent_sha256": bundle.sha256}
    at = ("--bundle", new.path, "--case-log", tmp_path / "later.sqlite")
    (record,) = json.loads(toy.edge_run(capsys, "predict", scan, "--json", *at).out)
    assert named(record) == expected
    (row,) = csv.DictReader(io.StringIO(toy.edge_run(capsys, "predict", scan, "--csv", *at).out))
    assert named(row) == expected
    text = toy.edge_run(capsys, "predict", scan, *at).out
    assert f"bundle new {new.sha256[:12]}, recalibrated from {bundle.sha256[:12]}" in text
    shown = toy.edge_run(capsys, "cases", "show", record["case"], "--case-log", at[3]).out
    assert f"recalibrated from {bundle.sha256[:12]}" in shown
    with Ensemble(new, early_exit=True) as ensemble:
        assert named(ensemble.predict(scan).to_dict()) == expected


def test_http(bundle, new, scan, tmp_path):
    for package in ("starlette", "uvicorn", "httpx"):
        pytest.importorskip(package, reason="needs the extra serve, and httpx")
    from serving import served

    with served(new.path, tmp_path / "served.sqlite") as server:
        answer = server.client.post("/v1/scans", content=scan.read_bytes()).json()
        case = server.client.get(f"/v1/cases/{answer['case']}").json()
    for record in (answer, case):
        assert (record["bundle_sha256"], record["bundle_parent_sha256"]) == (new.sha256, bundle.sha256)


def test_dicom_report():
    pytest.importorskip("pydicom", reason="needs the extra dicom")
    from dataclasses import replace

    from answers import PROOF
    from edge_run.node.results.wording import provenance

    line = provenance(replace(PROOF, parent_sha256="a" * 64))[0]
    assert line.endswith(f"sha256 {PROOF.bundle_sha256}, recalibrated from {'a' * 64}")
    assert "recalibrated" not in provenance(PROOF)[0]
