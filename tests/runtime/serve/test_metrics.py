"""Metrics: what Prometheus reads, on a listener of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import time

import httpx
import msgspec
import pytest

from edge_run import Ensemble
from edge_run.cases import CaseLog
from edge_run.errors import UsageError
from edge_run.serve import log_metrics
from edge_run.serve.log_metrics import LogMeasurer
from edge_run.serve.measured import Measured
from edge_run.serve.metrics import Metrics
from edge_run.serve.metrics_server import at, serve_metrics
from edge_run.serve.server import Listen
from edge_run.serve.tokens import Tokens
from edge_run.voting.prediction import Flag
from serving import Process
from toy import png, scan, write_toy_bundle

NAMES = {
    "edge_run_requests_total", "edge_run_request_duration_seconds", "edge_run_stage_duration_seconds",
    "edge_run_scans_in_progress", "edge_run_queue_length", "edge_run_refused_total", "edge_run_flags_total",
    "edge_run_label_total", "edge_run_members_asked", "edge_run_drift_psi", "edge_run_case_log_entries",
    "edge_run_case_log_verified_timestamp_seconds", "edge_run_cases_to_review", "edge_run_build_info",
}  # fmt: skip


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """Toy networks, with enough validation scans that drift can be measured."""

    def enough(manifest):
        for profile in manifest["profile"].values():
            profile |= {"scans": 60, "labels": {"covid": 30, "non_covid": 30}}
            profile["measures"]["score"]["counts"] = [30, 30]

    with Ensemble.load(write_toy_bundle(tmp_path_factory.mktemp("metrics") / "toys", mutate=enough)) as loaded:
        yield loaded


@pytest.fixture
def metrics(ensemble):
    return Metrics(ensemble.source)


def text_of(metrics):
    from prometheus_client import generate_latest

    return generate_latest(metrics.registry).decode()


def value(metrics, name, **labels):
    return metrics.registry.get_sample_value(name, labels)


def test_names_are_those_of_the_documents(metrics):
    found = set(re.findall(r"^# TYPE (edge_run_\w+)", text_of(metrics), flags=re.MULTILINE))
    assert found == NAMES


def test_answer_is_counted_by_label_flags_members_and_stages(metrics, ensemble):
    prediction = ensemble.predict(png(scan(0)))
    decision = msgspec.structs.replace(prediction.decision, flags=(Flag("blank", "because"), Flag("clipped", "too")))
    metrics.answered(msgspec.structs.replace(prediction, decision=decision))
    assert value(metrics, "edge_run_label_total", label=prediction.label) == 1
    assert value(metrics, "edge_run_flags_total", flag="blank") == 1
    assert value(metrics, "edge_run_members_asked_sum") == 4
    assert {
        stage: value(metrics, "edge_run_stage_duration_seconds_count", stage=stage) for stage in ("read", "infer")
    } == {"read": 1, "infer": 1}


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        ("/v1/scans", 200, ("v1", "answered", None)),
        ("/v2/models/x/infer", 429, ("oip", "refused", "busy")),
        ("/cases/1m8atw3n772v", 303, ("page", "answered", None)),
        ("/anything/Doe^Jane", 404, ("page", "refused", "not-found")),
        ("/v1/scans", 500, ("v1", "failed", None)),
        ("/v1/ready", 503, ("v1", "refused", "not-ready")),
        ("", None, ("page", "failed", None)),
    ],
)
def test_request_is_counted_by_interface_and_outcome(metrics, path, status, expected):
    async def app(_scope, _receive, send):
        if status is None:
            raise RuntimeError
        await send({"type": "http.response.start", "status": status, "headers": []})

    async def nothing(message=None):
        return message

    async def ask():
        await Measured(app, metrics)({"type": "http", "path": path}, nothing, nothing)

    if status is None:
        with pytest.raises(RuntimeError):
            asyncio.run(ask())
    else:
        asyncio.run(ask())
    interface, outcome, reason = expected
    assert value(metrics, "edge_run_requests_total", interface=interface, outcome=outcome) == 1
    assert value(metrics, "edge_run_request_duration_seconds_count", interface=interface) == 1
    assert reason is None or value(metrics, "edge_run_refused_total", reason=reason) == 1
    assert "Doe" not in text_of(metrics)


def test_case_log_is_measured_with_its_drift_and_its_verification(metrics, ensemble, tmp_path):
    path = tmp_path / "cases.sqlite"
    with CaseLog.open(path) as log:
        for number in range(60):
            prediction = ensemble.predict(scan(number))
            flags = (Flag("blank", "because"),) if number < 2 else ()
            decision = msgspec.structs.replace(prediction.decision, flags=flags)
            log.append(msgspec.structs.replace(prediction, decision=decision))
    begin = time.time()
    with LogMeasurer(metrics, path, ensemble.bundle, ensemble.precision) as measurer:
        measurer.measure()
    assert value(metrics, "edge_run_case_log_entries") == 60
    assert value(metrics, "edge_run_cases_to_review") == 2
    assert value(metrics, "edge_run_drift_psi", measure="score") > 0
    assert value(metrics, "edge_run_case_log_verified_timestamp_seconds") >= begin - 1


def test_faulty_log_does_not_count_as_verified(metrics, ensemble, tmp_path, monkeypatch, caplog):
    path = tmp_path / "cases.sqlite"
    with CaseLog.open(path) as log:
        log.append(ensemble.predict(scan(0)))
        log.connection.execute("UPDATE entries SET entry = json_set(entry, '$.probability', 0.5)")
    monkeypatch.setattr(log_metrics.LogMeasurer, "_run", lambda _self: None)
    LogMeasurer(metrics, path, ensemble.bundle, ensemble.precision).measure()
    assert value(metrics, "edge_run_case_log_verified_timestamp_seconds") == 0
    assert "edge-run cases verify" in caplog.text


def test_missing_log_is_no_error(metrics, ensemble, tmp_path, monkeypatch):
    monkeypatch.setattr(log_metrics.LogMeasurer, "_run", lambda _self: None)
    LogMeasurer(metrics, tmp_path / "none.sqlite", ensemble.bundle, ensemble.precision).measure()
    assert value(metrics, "edge_run_case_log_entries") == 0


# The listener


def test_listener_has_metrics_alone(metrics):
    with serve_metrics(Listen(port=0), metrics) as served:
        got = httpx.get(served.url, trust_env=False)
        assert got.headers["content-type"].startswith("text/plain; version=")
        assert "edge_run_build_info" in got.text
        for path in ("/", "/v1/scans", "/metrics/x"):
            assert httpx.get(served.url.removesuffix("/metrics") + path, trust_env=False).status_code == 404
        assert httpx.get(served.url, headers={"Host": "evil.example"}, trust_env=False).status_code == 421
        assert httpx.post(served.url, trust_env=False).status_code == 405


def test_listener_asks_for_a_token_with_the_scope(metrics, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    secrets = {scope: tokens.add(scope, [scope]) for scope in ("metrics", "answer", "admin")}
    with serve_metrics(Listen(port=0), metrics, tokens) as served:

        def status(secret):
            headers = {"Authorization": f"Bearer {secret}"} if secret else {}
            return httpx.get(served.url, headers=headers, trust_env=False).status_code

        assert {scope: status(secret) for scope, secret in secrets.items()} == {
            "metrics": 200,
            "answer": 403,
            "admin": 200,
        }
        assert status("") == status("wrong") == 401


def test_listener_beyond_loopback_needs_tls_and_tokens(metrics):
    with pytest.raises(UsageError, match="no TLS"):
        serve_metrics(Listen(host="0.0.0.0", port=0), metrics)


def test_port_that_is_taken_is_an_error(metrics, bundle, tmp_path):
    with serve_metrics(Listen(port=0), metrics) as served:
        taken = served.url.removeprefix("http://").removesuffix("/metrics")
        # In a process of its own: uvicorn leaves the socket that it could not bind to the garbage collector.
        with pytest.raises(AssertionError, match=f"{taken} cannot be listened on for metrics"):
            Process(bundle, tmp_path / "cases.sqlite", "--metrics", taken)


@pytest.mark.parametrize("address", ["9464", "127.0.0.1", "127.0.0.1:99999", ":9464", "host:x", "127.0.0.1:-1"])
def test_address_is_host_and_port(address):
    with pytest.raises(UsageError, match="no address for metrics"):
        at(address, Listen())
    assert at("[::1]:9464", Listen(drain_s=1.0)) == Listen("::1", 9464, drain_s=1.0)


def test_server_measures_what_it_answers(bundle, tmp_path):
    with Process(bundle, tmp_path / "cases.sqlite", "--metrics", "127.0.0.1:0") as server:
        (address,) = [found[1] for line in server.messages if (found := re.match(r"metrics on (\S+)", line))]
        with httpx.Client(trust_env=False) as client:
            answered = client.post(
                f"{server.url}/v1/scans", content=png(scan(3)), headers={"Content-Type": "image/png"}
            )
            client.post(f"{server.url}/v1/scans", content=b"no scan", headers={"Content-Type": "image/png"})
            client.get(f"{server.url}/cases/{answered.json()['case']}")
            text = client.get(address).text
    for sample in (
        'edge_run_requests_total{interface="v1",outcome="answered"} 1.0',
        'edge_run_requests_total{interface="v1",outcome="refused"} 1.0',
        'edge_run_requests_total{interface="page",outcome="answered"} 1.0',
        'edge_run_refused_total{reason="input"} 1.0',
        f'edge_run_label_total{{label="{answered.json()["label"]}"}} 1.0',
        "edge_run_queue_length 0.0",
    ):
        assert sample in text
    # Labels say nothing of a case, a scan or a file.
    for secret in (answered.json()["case"], answered.json()["scan_sha256"][:12], "cases.sqlite"):
        assert secret not in text
    if shutil.which("promtool"):
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
