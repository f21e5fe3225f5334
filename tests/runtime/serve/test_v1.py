from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

import toy
from edge_run import Ensemble
from edge_run.cases import CaseLog, cases
from edge_run.cases.errors import CaseLogError
from serving import served

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Served

PNG_MAGIC = b"\x89PNG"


def logged(server: Served) -> list[dict[str, Any]]:
    with CaseLog.existing(server.log) as log:
        return list(cases(log))


def test_raw_body_is_answered_with_the_record_of_predict(server: Served, bundle: Path, png: bytes) -> None:
    answered = server.client.post("/v1/scans", content=png)
    assert answered.status_code == 200
    record = answered.json()
    with Ensemble.load(bundle) as ensemble:
        expected = ensemble.predict(png).to_dict(case=record["case"])
    varying = {"timing_ms": None}
    assert {**record, **varying} == {**expected, **varying}
    assert set(record["timing_ms"]) == set(expected["timing_ms"])
    assert logged(server)[-1]["id"] == record["case"]


def test_heatmap_comes_as_a_picture(server: Served, png: bytes) -> None:
    record = server.client.post("/v1/scans?heatmap=1", content=png).json()
    kind, _, data = record["heatmap"].partition(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(data).startswith(PNG_MAGIC)


def test_early_exit_is_chosen_for_each_request(server: Served, bundle: Path, png: bytes) -> None:
    with Ensemble.load(bundle, early_exit=True) as early:
        expected = early.predict(png)
    record = server.client.post("/v1/scans?early_exit=1", content=png).json()
    assert [one["id"] for one in record["members"]] == [one.id for one in expected.members]
    assert record["left_out"] == list(expected.decision.left_out)
    assert server.client.post("/v1/scans?early_exit=0", content=png).json()["left_out"] == []


def test_form_is_answered_with_a_list_and_one_bad_file_stops_no_other(server: Served, png: bytes) -> None:
    files = [("a", ("a.png", png)), ("b", ("b.txt", b"text")), ("c", ("c.png", toy.png(toy.scan(2))))]
    before = len(logged(server))
    records = server.client.post("/v1/scans", files=files).json()
    assert [one["path"] for one in records] == ["a.png", "b.txt", "c.png"]
    assert records[1]["error"]["kind"] == "InputError"
    assert [one.get("case") for one in records if "case" in one] == [one["id"] for one in logged(server)[before:]]


@pytest.mark.parametrize(
    ("path", "options", "status"),
    [
        ("/v1/scans", {"content": b""}, 422),
        ("/v1/scans", {"content": b"no scan"}, 422),
        ("/v1/scans?heatmap=perhaps", {"content": b""}, 400),
        ("/v1/scans", {"content": b"x", "headers": {"Content-Encoding": "gzip"}}, 415),
        (
            "/v1/scans",
            {"content": b"--b\r\nbroken", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
            400,
        ),
        ("/v1/scans", {"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ("/v1/scans", {"files": [("a", ("a.png", b"x"))], "headers": {"Idempotency-Key": "k"}}, 400),
        ("/v1/scans", {"content": b"x", "headers": {"Idempotency-Key": "k" * 300}}, 400),
        ("/v1/cases/zzz/notes", {"content": b"{}"}, 404),
        ("/v1/cases/zzz/notes", {"content": b"[]"}, 400),
        ("/v1/cases/zzz/notes", {"content": b"x" * 70_000}, 413),
        ("/v1/bundle", {"content": b""}, 405),
    ],
)
def test_refused_with_a_reason(server: Served, path: str, options: dict[str, Any], status: int) -> None:
    answered = server.client.post(path, **options)
    assert answered.status_code == status
    if status != 413:
        assert set(answered.json()["error"]) == {"kind", "message", "hint"}


def test_body_that_is_too_large(bundle: Path, png: bytes) -> None:
    with served(bundle, None, max_body=1000) as server:
        declared = server.client.post("/v1/scans", content=png * 10)
        streamed = server.client.post("/v1/scans", content=(png for _ in range(10)))
    assert (declared.status_code, streamed.status_code) == (413, 413)
    assert "larger than" in declared.json()["error"]["message"]


def test_pages_of_cases(server: Served, png: bytes) -> None:
    ids = [server.client.post("/v1/scans", content=png).json()["case"] for _ in range(5)]
    first = server.client.get("/v1/cases?limit=2").json()
    assert [one["id"] for one in first["cases"]] == ids[:2:-1]
    second = server.client.get(f"/v1/cases?limit=2&before={first['next']}").json()
    assert [one["id"] for one in second["cases"]] == ids[2:0:-1]
    new = server.client.get(f"/v1/cases?after={ids[1]}").json()
    assert [one["id"] for one in new["cases"]] == ids[2:]
    assert new["next"] is None
    assert server.client.get(f"/v1/cases/{ids[0]}").json()["id"] == ids[0]
    assert server.client.get("/v1/cases?flagged=1").status_code == 200
    assert (
        server.client.get("/v1/cases?limit=0").status_code == server.client.get("/v1/cases?limit=x").status_code == 400
    )
    assert server.client.get("/v1/cases?before=zzzz").status_code == 404


def test_note_is_added(server: Served, png: bytes) -> None:
    case = server.client.post("/v1/scans", content=png).json()["case"]
    noted = server.client.post(f"/v1/cases/{case}/notes", json={"label": "covid", "remark": "clear"})
    assert noted.status_code == 201
    assert [(one["label"], one["remark"]) for one in noted.json()["notes"]] == [("covid", "clear")]
    assert server.client.post(f"/v1/cases/{case}/notes", json={"label": "nothing"}).status_code == 400
    assert server.client.post(f"/v1/cases/{case}/notes", json={"labels": "covid"}).status_code == 400


def test_heatmap_of_a_case(server: Served, bundle: Path, png: bytes, tmp_path: Path) -> None:
    case = server.client.post("/v1/scans", content=png).json()["case"]
    answered = server.client.get(f"/v1/cases/{case}/heatmap.png")
    assert answered.headers["content-type"] == "image/png"
    assert answered.content.startswith(PNG_MAGIC)
    with served(bundle, tmp_path / "cases.sqlite") as other:
        case = other.client.post("/v1/scans", content=png).json()["case"]
        missing = other.client.get(f"/v1/cases/{case}/heatmap.png")
    assert missing.status_code == 404
    assert "--keep-images" in missing.json()["error"]["hint"]


def test_bundle_and_readiness(server: Served) -> None:
    assert server.client.get("/v1/bundle").json()["name"] == "toys"
    assert server.client.get("/v1/ready").json() == {"ready": True, "reasons": []}


def test_without_a_case_log(bundle: Path, png: bytes) -> None:
    with served(bundle, None) as server:
        assert server.client.post("/v1/scans", content=png).json()["case"] is None
        assert server.client.get("/v1/cases").status_code == 404
        keyed = server.client.post("/v1/scans", content=png, headers={"Idempotency-Key": "k"})
    assert keyed.status_code == 400


def test_answer_that_cannot_be_logged_is_not_given(
    bundle: Path, png: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise CaseLogError("the case log /secret/place cannot be written: the disk is full")

    with served(bundle, tmp_path / "cases.sqlite") as server:
        monkeypatch.setattr(CaseLog, "append", full)
        monkeypatch.setattr(CaseLog, "try_writing", full)
        answered = server.client.post("/v1/scans", content=png)
        ready = server.client.get("/v1/ready")
    assert answered.status_code == ready.status_code == 503
    assert "secret" not in answered.text + ready.text
    assert "label" not in json.dumps(answered.json())


def test_not_ready_where_the_reference_scans_are_answered_otherwise(bundle: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(bundle, tmp_path / "toys")
    toy.replace_file(tmp_path / "toys", "models/resnet18.int8-cpu.onnx", toy.toy_model(9))
    with served(tmp_path / "toys", None) as server:
        ready = server.client.get("/v1/ready")
        oip = server.client.get("/v2/health/ready")
    assert ready.status_code == oip.status_code == 503
    assert ready.json()["reasons"] == ["the reference scans are not answered as at export"]


def test_no_copy_of_the_files_of_a_form_is_written(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    def rolled(*_: object) -> None:
        raise AssertionError("a scan was written to a temporary file")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", rolled)
    large = toy.png(toy.scan(3, (1500, 1500)))
    padded = large + b"\0" * (2**21 - len(large))
    assert server.client.post("/v1/scans", files=[("a", ("a.png", padded))]).status_code == 200
