"""One set of numbers at every door."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import toy
from edge_run import Ensemble
from edge_run.scan.preprocessing import preprocess
from edge_run.scan.read import read

if TYPE_CHECKING:
    from pathlib import Path

    from serving import Served

SAME = (
    "label", "probability", "probabilities", "interval", "flags", "members", "measures", "left_out", "bundle",
    "bundle_sha256", "bundle_parent_sha256", "precision", "backend", "version", "scan_sha256", "steps",
)  # fmt: skip
NOT_OF_THE_FILE = {"flags", "measures", "scan_sha256", "steps"}
"""What an answer to a preprocessed scan cannot say: it has not seen the file."""


def of(record: dict[str, Any]) -> dict[str, Any]:
    return {name: record[name] for name in SAME}


@pytest.mark.parametrize("seed", range(3))
def test_every_door_gives_the_same_answer(
    server: Served, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    data = toy.png(toy.scan(seed))
    path = tmp_path / "scan.png"
    path.write_bytes(data)
    answered = toy.edge_run(capsys, "predict", path, "--json", "--bundle", bundle, "--no-case-log")
    (expected,) = json.loads(answered.out)
    with Ensemble.load(bundle) as ensemble:
        python = ensemble.predict(data).to_dict()
        scan = preprocess(read(data).pixels, ensemble.manifest.preprocess)
    v1 = server.client.post("/v1/scans", content=data).json()
    (form,) = server.client.post("/v1/scans", files=[("a", ("scan.png", data))]).json()
    case = server.client.get(f"/v1/cases/{v1['case']}").json()
    assert of(python) == of(v1) == of(form) == of(expected)
    assert {name: case[name] for name in set(SAME) - {"left_out"}} == {
        name: expected[name] for name in set(SAME) - {"left_out"}
    }

    with triton.InferenceServerClient(server.url.removeprefix("http://")) as client:
        file, array = triton.InferInput("image", [1, 1], "BYTES"), triton.InferInput("scan", list(scan.shape), "UINT8")
        file.set_data_from_numpy(np.array([[data]], object))
        array.set_data_from_numpy(scan)
        found = [client.infer(model, [one]) for model, one in (("toys-image", file), ("toys", array))]
    for one in found:
        assert one.as_numpy("probabilities")[0].tolist() == list(expected["probabilities"].values())
    of_file, of_array = (json.loads(one.as_numpy("record").item()) for one in found)
    assert of(of_file) == of(expected)
    kept = set(SAME) - NOT_OF_THE_FILE
    assert {name: of_array[name] for name in kept} == {name: expected[name] for name in kept}
