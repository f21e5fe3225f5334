from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import toy
from edge_run import Ensemble
from edge_run.scan.preprocessing import preprocess
from edge_run.scan.read import read
from edge_run.serve.oip.messages import MAX_JSON

tritonclient = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving import Served

Refused = pytest.importorskip("tritonclient.utils").InferenceServerException
InferInput, InferRequestedOutput = tritonclient.InferInput, tritonclient.InferRequestedOutput


@pytest.fixture(scope="module")
def client(server: Served) -> Iterator[Any]:
    with tritonclient.InferenceServerClient(server.url.removeprefix("http://")) as opened:
        yield opened


@pytest.fixture(scope="module")
def expected(bundle: Path, png: bytes) -> dict[str, Any]:
    with Ensemble.load(bundle) as ensemble:
        return ensemble.predict(png).to_dict()


@pytest.fixture
def scan(server: Served, png: bytes) -> np.ndarray:
    return preprocess(read(png).pixels, server.service.answering.ensemble.manifest.preprocess)


def image(png: bytes, *, binary: bool, shape: tuple[int, ...] = (1, 1)) -> Any:
    tensor = InferInput("image", list(shape), "BYTES")
    value = png if binary else base64.b64encode(png)
    tensor.set_data_from_numpy(np.full(shape, value, object), binary_data=binary)
    return tensor


def prepared(batch: np.ndarray, *, binary: bool) -> Any:
    tensor = InferInput("scan", list(batch.shape), "UINT8")
    tensor.set_data_from_numpy(batch, binary_data=binary)
    return tensor


def test_health_and_metadata(client: Any, server: Served) -> None:
    version = server.service.answering.ensemble.bundle.sha256[:12]
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data", "classification"]
    for name in ("toys", "toys-image"):
        assert client.is_model_ready(name)
        assert client.is_model_ready(name, version)
        found = client.get_model_metadata(name, version)
        assert (found["name"], found["versions"]) == (name, [version])
        assert [one["name"] for one in found["outputs"]] == ["probabilities", "label", "record"]
    assert client.get_model_metadata("toys")["inputs"] == [
        {"name": "scan", "datatype": "UINT8", "shape": [-1, 1, 32, 32]}
    ]
    assert client.get_model_metadata("toys-image")["inputs"] == [
        {"name": "image", "datatype": "BYTES", "shape": [-1, 1]}
    ]


@pytest.mark.parametrize("sent_binary", [False, True])
@pytest.mark.parametrize("got_binary", [False, True])
@pytest.mark.parametrize("model", ["toys", "toys-image"])
def test_infer_in_json_and_binary(
    client: Any, png: bytes, scan: np.ndarray, expected: dict[str, Any], model: str, sent_binary: bool, got_binary: bool
) -> None:
    sent = image(png, binary=sent_binary) if model == "toys-image" else prepared(scan, binary=sent_binary)
    names = ("probabilities", "label", "record")
    outputs = [InferRequestedOutput(name, binary_data=got_binary) for name in names]
    found = client.infer(model, [sent], outputs=outputs, request_id="7")
    assert found.get_response()["id"] == "7"
    assert found.as_numpy("probabilities").dtype == np.float64
    assert found.as_numpy("probabilities")[0].tolist() == list(expected["probabilities"].values())
    assert found.as_numpy("label").tolist() == [[list(expected["probabilities"]).index(expected["label"])]]
    record = json.loads(found.as_numpy("record").item())
    same = ("label", "probability", "probabilities", "interval", "members", "bundle", "bundle_sha256", "precision")
    assert {name: record[name] for name in same} == {name: expected[name] for name in same}
    if model == "toys-image":
        assert (record["flags"], record["scan_sha256"]) == (expected["flags"], expected["scan_sha256"])


def test_all_outputs_are_given_where_none_is_named(client: Any, png: bytes) -> None:
    found = client.infer("toys-image", [image(png, binary=True, shape=(1,))])
    assert {one["name"] for one in found.get_response()["outputs"]} == {"probabilities", "label", "record"}


def test_batch(client: Any, scan: np.ndarray, bundle: Path) -> None:
    other = np.roll(scan, 5, axis=-1)
    found = client.infer("toys", [prepared(np.concatenate([scan, other]), binary=True)]).as_numpy("probabilities")
    with Ensemble.load(bundle) as ensemble:
        votes = ensemble.vote(np.concatenate([scan, other]))
    expected = [list(vote.decision.probabilities.values()) for vote in votes]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_classification(client: Any, png: bytes, expected: dict[str, Any]) -> None:
    outputs = [InferRequestedOutput("probabilities", class_count=2)]
    found = client.infer("toys-image", [image(png, binary=True)], outputs=outputs).as_numpy("probabilities")
    best = max(expected["probabilities"], key=expected["probabilities"].get)
    value, index, label = found[0][0].decode().split(":")
    assert (label, int(index)) == (best, list(expected["probabilities"]).index(best))
    assert float(value) == pytest.approx(expected["probabilities"][best], abs=1e-6)
    assert found.shape == (1, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": [1, 1, 16, 64]}, "expected UINT8"),
        ({"datatype": "FP32", "data": [0.0] * 1024}, "expected UINT8"),
        ({"datatype": "COMPLEX"}, "not offered"),
        ({"name": "other"}, "takes one input"),
        ({"data": [256] * 1024}, "not a whole number"),
        ({"data": ["a"] * 1024}, "no number"),
        ({"data": [0] * 10}, "does not fit"),
        ({"data": [[0] * 512, [0] * 511]}, "does not fit"),
        ({"data": None}, "has no data"),
        ({"shape": [-1, 1, 32, 32]}, "is no shape"),
        ({"shape": [10**30, 1, 32, 32]}, "does not fit"),
        ({"shape": [0, 1, 32, 32], "data": []}, "1 to 64"),
        ({"parameters": {"shared_memory_region": "x"}}, "shared memory"),
        ({"parameters": {"binary_data_size": 5}}, "not a length"),
        ({"parameters": {"binary_data_size": True}}, "not a length"),
    ],
)
def test_inputs_that_are_refused(server: Served, change: dict[str, Any], message: str) -> None:
    tensor = {"name": "scan", "shape": [1, 1, 32, 32], "datatype": "UINT8", "data": [0] * 1024, **change}
    answered = server.client.post("/v2/models/toys/infer", json={"inputs": [tensor]})
    assert answered.status_code == 400
    assert message in answered.json()["error"]


@pytest.mark.parametrize(
    ("body", "length", "message"),
    [
        (b"{", None, "not JSON"),
        (b"[" * 100_000, None, "not JSON"),
        (b"{}", None, "not JSON"),
        (b"{}", "99", "not a length"),
        (b"{}", "-1", "not a length"),
        (b"{}", "9" * 5000, "not a length"),
        (b'{"inputs": []}xx', "14", "belong to none"),
        (b"\xff", None, "not JSON"),
    ],
)
def test_bodies_that_are_refused(server: Served, body: bytes, length: str | None, message: str) -> None:
    headers = {"Inference-Header-Content-Length": length} if length else {}
    answered = server.client.post("/v2/models/toys/infer", content=body, headers=headers)
    assert answered.status_code == 400
    assert message in answered.json()["error"]


def test_json_that_is_too_large(server: Served) -> None:
    answered = server.client.post("/v2/models/toys/infer", content=b" " * (MAX_JSON + 1))
    assert answered.status_code == 413
    assert "as binary data" in answered.json()["error"]


@pytest.mark.parametrize("raw", [b"\x05\0\0\0ab", b"\x01\0", b"\x01\0\0\0ab", b"\xff\xff\xff\xff"])
def test_values_of_bytes_that_do_not_fit(server: Served, raw: bytes) -> None:
    tensor = {"name": "image", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor]}).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    answered = server.client.post("/v2/models/toys-image/infer", content=head + raw, headers=headers)
    assert answered.status_code == 400
    assert "input image" in answered.json()["error"] or "tensor image" in answered.json()["error"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"name": "other"}, "has no output"),
        ({"name": "label", "parameters": {"classification": 1}}, "no classification"),
        ({"name": "probabilities", "parameters": {"classification": "many"}}, "no classification"),
        ({"name": "label", "parameters": {"shared_memory_region": "x"}}, "shared memory"),
    ],
)
def test_outputs_that_are_refused(server: Served, output: dict[str, Any], message: str) -> None:
    tensor = {"name": "scan", "shape": [1, 1, 32, 32], "datatype": "UINT8", "data": [0] * 1024}
    answered = server.client.post("/v2/models/toys/infer", json={"inputs": [tensor], "outputs": [output]})
    assert answered.status_code == 400
    assert message in answered.json()["error"]


def test_errors_reach_the_client(client: Any, png: bytes) -> None:
    with pytest.raises(Refused, match="there is no model 'other'"):
        client.get_model_metadata("other")
    with pytest.raises(Refused, match="has no version"):
        client.get_model_metadata("toys", "1")
    with pytest.raises(Refused, match="not an image"):
        client.infer("toys-image", [image(b"no scan, but a text", binary=True)])
    tensor = InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([b"not base64!"], object), binary_data=False)
    with pytest.raises(Refused, match="base64"):
        client.infer("toys-image", [tensor])
    assert client.infer("toys-image", [image(png, binary=True)]).as_numpy("label") is not None


def test_compressed_request_is_refused(client: Any, png: bytes) -> None:
    with pytest.raises(Refused, match="compressed"):
        client.infer("toys-image", [image(png, binary=True)], request_compression_algorithm="gzip")


def test_each_scan_is_a_case(server: Served, client: Any) -> None:
    before = server.client.get("/v1/cases?limit=1").json()["cases"]
    files = np.array([[toy.png(toy.scan(seed))] for seed in (7, 8)], object)
    tensor = InferInput("image", [2, 1], "BYTES")
    tensor.set_data_from_numpy(files)
    records = [json.loads(one) for one in client.infer("toys-image", [tensor]).as_numpy("record").ravel()]
    after = f"?after={before[0]['id']}" if before else ""
    new = server.client.get(f"/v1/cases{after}").json()["cases"]
    assert [one["case"] for one in records] == [one["id"] for one in new][-2:]
