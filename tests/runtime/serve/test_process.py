"""``edge-run serve`` as a process: signals, kills, TLS."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import toy
from edge_run.cases import CaseLog, cases, verify_file
from serving import Process

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "cases.sqlite"


def logged(log: Path) -> list[dict[str, Any]]:
    with CaseLog.existing(log) as opened:
        return list(cases(opened))


def test_sigterm_drains_and_ends_with_0(bundle: Path, log: Path, png: bytes) -> None:
    with Process(bundle, log, "--drain", "1") as process, httpx.Client(base_url=process.url, timeout=30) as client:
        assert client.get("/v1/ready").status_code == 200
        process.send(signal.SIGTERM)
        while client.get("/v1/ready").status_code == 200:
            pass
        # Whoever has not heard of it yet is still answered.
        assert client.post("/v1/scans", content=png).status_code == 200
        assert process.wait() == 0
    assert len(logged(log)) == 1


def test_ctrl_c_ends_at_once_with_130(bundle: Path, log: Path) -> None:
    with Process(bundle, log, "--drain", "600") as process:
        process.send(signal.SIGINT)
        assert process.wait() == 130
    assert "interrupted: the server ended" in process.messages[-1]


def test_second_sigterm_does_not_wait(bundle: Path, log: Path) -> None:
    with Process(bundle, log, "--drain", "600") as process, httpx.Client(base_url=process.url) as client:
        process.send(signal.SIGTERM)
        while client.get("/v1/ready").status_code == 200:
            pass
        process.send(signal.SIGTERM)
        assert process.wait() == 0


def test_kill_loses_no_acknowledged_answer_and_doubles_none(bundle: Path, log: Path, png: bytes) -> None:
    acknowledged: dict[str, str] = {}
    keys = [f"key-{n}" for n in range(12)]
    for _ in range(3):
        with Process(bundle, log) as process, httpx.Client(base_url=process.url, timeout=30) as client:
            killing = threading.Timer(0.05, process.send, (signal.SIGKILL,))
            killing.start()
            for key in keys:
                try:
                    record = client.post("/v1/scans", content=png, headers={"Idempotency-Key": key}).json()
                except httpx.TransportError:
                    break
                assert acknowledged.setdefault(key, record["case"]) == record["case"]
            killing.join()
            process.wait()
    found = [case["id"] for case in logged(log)]
    assert set(acknowledged.values()) <= set(found)
    requests = [case["request"] for case in logged(log)]
    assert len(requests) == len(set(requests))


def test_port_that_is_taken(bundle: Path, log: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(AssertionError, match=r"cannot be listened on.*in use[\s\S]*hint: another program"):
            Process(bundle, log, "--port", str(taken.getsockname()[1]))


def test_messages_name_nothing_of_a_request(bundle: Path, log: Path, png: bytes) -> None:
    with Process(bundle, log, "--drain", "0") as process:
        with httpx.Client(base_url=process.url, timeout=30) as client:
            client.post("/v1/scans", files=[("a", ("Doe^John.png", png))], headers={"Referer": "http://x/Doe"})
            client.post("/v1/scans?Doe=1", content=b"Doe^John")
            client.get("/v1/cases/Doe")
        process.send(signal.SIGTERM)
        process.wait()
    assert "Doe" not in "".join(process.messages)
    assert "Doe" not in json.dumps(logged(log))


def test_tls_with_certificates_of_clients(bundle: Path, log: Path, tmp_path: Path, png: bytes) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    try:
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)],
            check=True, capture_output=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip("needs openssl")
    tls = ("--tls-cert", str(certificate), "--tls-key", str(key))
    with Process(bundle, log, *tls, "--tls-client-ca", str(certificate)) as process:
        assert process.url.startswith("https://")
        context = ssl.create_default_context(cafile=str(certificate))
        with httpx.Client(verify=context) as stranger, pytest.raises(httpx.TransportError):
            stranger.get(f"{process.url}/v1/ready")
        context.load_cert_chain(certificate, key)
        with httpx.Client(verify=context) as known:
            assert known.post(f"{process.url}/v1/scans", content=png).status_code == 200


def test_watch_and_serve_share_a_log(bundle: Path, log: Path, tmp_path: Path, png: bytes) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    command = [sys.executable, "-m", "edge_run", "watch", str(inbox), "--every", "0.1", "--bundle", str(bundle)]
    command += ["--case-log", str(log), "--state", str(tmp_path / "state"), "--jsonl"]
    with (
        Process(bundle, log) as process,
        httpx.Client(base_url=process.url, timeout=30) as client,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as watch,
    ):
        assert watch.stdout is not None
        found = []
        try:
            for seed in range(3):
                (inbox / f"{seed}.png").write_bytes(toy.png(toy.scan(seed)))
                found.append(client.post("/v1/scans", content=png).json()["case"])
                found.append(json.loads(watch.stdout.readline())["case"])
        finally:
            watch.terminate()
    assert sorted(found) == [case["id"] for case in logged(log)]
    assert verify_file(log).faults == []
