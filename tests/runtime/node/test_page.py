"""What a person and a monitoring system see of a node."""

from __future__ import annotations

import shutil
import subprocess
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from edge_run.node.metrics import metrics_of
from edge_run.node.page import StatusServer, page_of
from node_peers import Archive, slices, store, wait_for


@pytest.fixture
def node(run_node):
    with Archive() as archive:
        archive.statuses = [0xA900]
        one = run_node(archive)
        store(one.port, slices(3))
        wait_for(lambda: len(one.database.rows("SELECT 1 FROM outbox WHERE state != 'queued'")) == 2)
        yield one


def test_page_names_what_is_stuck_and_nothing_of_the_patient(node):
    page = page_of(node)
    assert "Something is stuck" in page
    assert "status A900" in page
    assert "SECRET" not in page
    assert "2.25.101" not in page


def test_metrics_show_what_is_stuck_by_destination(node):
    text = metrics_of(node).decode()
    assert 'edge_run_outbox_length{destination="archive0",state="stuck"} 1.0' in text
    assert 'edge_run_dicom_instances_total{outcome="stored",peer="tester"} 3.0' in text
    assert "SECRET" not in text


def test_metrics_are_as_prometheus_wants_them(node):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=metrics_of(node), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_both_are_served_and_nothing_else(node):
    with StatusServer(node, "127.0.0.1", 0) as server:
        address = f"http://127.0.0.1:{server.port}"
        with urlopen(f"{address}/") as answer:
            assert b"edge-run node" in answer.read()
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        with urlopen(f"{address}/metrics") as answer:
            assert b"edge_run_series_waiting 0.0" in answer.read()
        with pytest.raises(HTTPError) as refused:
            urlopen(f"{address}/node.sqlite")
        refused.value.close()
        assert refused.value.code == 404
