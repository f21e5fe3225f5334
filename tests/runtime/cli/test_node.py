"""``edge-run node`` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from node_peers import dcmtk, free_port, wait_for
from toy import edge_run, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


def test_status_of_a_folder_without_a_node_says_so(capsys, tmp_path: Path):
    answered = edge_run(capsys, "node", "status", "--folder", str(tmp_path / "none"))
    assert answered.code == 1
    assert "no node has run with the folder" in answered.err
    assert not (tmp_path / "none").exists()


def test_status_shows_what_waits(capsys, tmp_path: Path):
    from edge_run.node.database import Database

    with Database(tmp_path):
        pass
    text = edge_run(capsys, "node", "status", "--folder", str(tmp_path))
    assert text.code == 0
    assert "waiting      0 series" in text.out
    record = json.loads(edge_run(capsys, "node", "status", "--folder", str(tmp_path), "--json").out)
    assert record["series"] == {}


def test_check_that_fails_leaves_with_6_and_names_the_mistake(capsys):
    answered = edge_run(capsys, "node", "check", f"PACS@127.0.0.1:{free_port()}")
    assert answered.code == 6
    assert "FAILED  connection" in answered.out
    assert "correct port" in answered.out


def test_check_of_nobody_is_a_usage_error(capsys):
    answered = edge_run(capsys, "node", "check", "pacs")
    assert answered.code == 2
    assert "hint: give --config FILE, or AETITLE@HOST:PORT" in answered.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "anybody who reaches 0.0.0.0 could send"),
        (["--from", "CT"], "'CT' is no sender"),
        (["--send-to", "PACS"], "'PACS' is no destination"),
        (["--ae-title", "FAR TOO LONG A TITLE"], "is no AE title"),
        (["--config", "none.toml"], "none.toml does not exist"),
    ],
)
def test_mistakes_end_before_a_network_is_loaded(capsys, arguments, message):
    answered = edge_run(capsys, "node", *arguments)
    assert answered.code == 2
    assert message in answered.err


def test_missing_extra_is_5(capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setitem(sys.modules, "pynetdicom", None)
    for name in [one for one in sys.modules if one.startswith("edge_run.node.") and one != "edge_run.node.settings"]:
        monkeypatch.delitem(sys.modules, name)
    answered = edge_run(capsys, "node", "--folder", str(tmp_path / "node"))
    assert answered.code == 5
    assert "pip install 'edge-run[node]'" in answered.err


def test_node_listens_until_a_signal_and_ends_well(tmp_path: Path):
    write_toy_bundle(tmp_path / "bundle")
    port = free_port()
    words = ["node", "--port", str(port), "--folder", str(tmp_path / "node"), "--bundle", str(tmp_path / "bundle")]
    environment = {**os.environ, "EDGE_RUN_CASE_LOG": str(tmp_path / "cases.sqlite")}
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_run", *words], stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        wait_for(lambda: dcmtk("echoscu", "-aec", "EDGE-RUN", "127.0.0.1", port).returncode == 0, 60)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert "answers are kept in the outbox and sent nowhere" in told
    assert f"listening on 127.0.0.1 port {port} as EDGE-RUN" in told
