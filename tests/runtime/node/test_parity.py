"""A report says what every other door says: the command line, Python and HTTP, about the same DICOM files."""

from __future__ import annotations

import json

import pytest

from edge_run.ensemble.series import summarise
from edge_run.node.audit.reported import read_report
from node_peers import Archive, slices, store, wait_for, write
from toy import edge_run


@pytest.fixture
def answer(run_node):
    """Send a series to a node, and read the report that it sends back."""

    def ask(datasets):
        with Archive() as archive:
            node = run_node(archive)
            store(node.port, datasets)
            wait_for(lambda: archive.of("SR"))
            node.close(0.0)
            (report,) = archive.of("SR")
            return read_report(report)

    return ask


def test_series_has_one_probability_at_every_door(tmp_path, capsys, toy_ensemble, answer):
    datasets = slices(5)
    paths = write(datasets, tmp_path / "series")
    task = toy_ensemble.manifest.task
    printed = edge_run(
        capsys, "predict", tmp_path / "series", "--json", "--bundle", toy_ensemble.bundle.path, "--no-case-log"
    )
    (record,) = [one["series"] for one in json.loads(printed.out) if "series" in one]
    python = summarise([toy_ensemble.predict(path).decision for path in paths], task)
    report = answer(datasets)
    assert report.probability == python.probabilities[task.positive] == record["probabilities"][task.positive]
    assert report.flags == tuple(sorted(flag.name for flag in python.flags))
    assert report.flags == tuple(sorted(flag["name"] for flag in record["flags"]))
    assert report.parameters["bundle sha256"] == toy_ensemble.bundle.sha256
    if report.finding != "indeterminate":
        assert (report.finding == "present") == (record["label"] == task.positive)


def test_single_image_has_one_probability_at_every_door(tmp_path, capsys, toy_ensemble, answer):
    pytest.importorskip("starlette", reason="needs the extra serve")
    from serving import served

    datasets = slices(1)
    (path,) = write(datasets, tmp_path / "series")
    positive = toy_ensemble.manifest.task.positive
    bundle = toy_ensemble.bundle.path
    printed = edge_run(capsys, "predict", path, "--json", "--bundle", bundle, "--no-case-log")
    (record,) = json.loads(printed.out)
    with served(bundle, None) as server:
        v1 = server.client.post("/v1/scans", content=path.read_bytes()).json()
    python = toy_ensemble.predict(path)
    report = answer(datasets)
    expected = python.probabilities[positive]
    assert report.probability == expected == record["probabilities"][positive] == v1["probabilities"][positive]
    flags = tuple(sorted(flag.name for flag in python.flags))
    assert report.flags == flags == tuple(sorted(flag["name"] for flag in v1["flags"]))
