"""A real tritonserver answers as edge-run does."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

import toy
from benchmarks.latency.triton.server import missing, patiently, serving, with_shim
from edge_export.triton import write_repository
from edge_run import Bundle, Ensemble, preprocess, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from edge_run import Prediction

http = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed")
InferenceServerException = pytest.importorskip("tritonclient.utils").InferenceServerException
pytestmark = pytest.mark.skipif(bool(missing()), reason=missing() or "-")


class Served(NamedTuple):
    """A model of the server, and what edge-run answers to the same scans."""

    client: http.InferenceServerClient
    model: str
    bundle: Bundle
    precision: str
    files: list[bytes]
    scans: np.ndarray
    predictions: list[Prediction]

    @property
    def probabilities(self) -> np.ndarray:
        return np.array([list(one.probabilities.values()) for one in self.predictions])


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[http.InferenceServerClient]:
    """Serve two bundles, each as an ensemble and as one graph."""
    folder = tmp_path_factory.mktemp("served")
    toy.write_toy_bundle(folder / "toy", labels=("covid", "non_covid", "unclear"))
    models = folder / "models"
    for path in (folder / "toy", "ct-covid"):
        bundle = Bundle(path)
        for merged in (False, True):
            name = f"{bundle.manifest.name}{'-merged' if merged else ''}"
            write_repository(
                bundle, folder / name / "repository", name=name, merged=merged, early_exit=not merged, timeout_s=60
            )
            with_shim(folder / name / "repository", models)
    with serving(models, folder) as server, http.InferenceServerClient(server.address) as client:
        client.toy = folder / "toy"
        yield client


@pytest.fixture(scope="module", params=["toy", "toy-merged", "ct-covid", "ct-covid-merged"])
def served(request, client) -> Served:
    bundle = Bundle(client.toy if request.param.startswith("toy") else "ct-covid")
    files = [toy.png(toy.scan(seed, (300, 260))) for seed in range(3)]
    scans = np.concatenate([preprocess(read(file).pixels, bundle.manifest.preprocess) for file in files])
    with Ensemble.load(bundle.path, precision="int8-cpu") as ensemble:
        predictions = [ensemble.predict(file) for file in files]
    return Served(client, request.param, bundle, "int8-cpu", files, scans, predictions)


def ask(served: Served, scans: np.ndarray, **options: object) -> http.InferResult:
    tensor = http.InferInput("scan", scans.shape, "UINT8")
    tensor.set_data_from_numpy(scans)
    return patiently(served.client.infer)(served.model, [tensor], **options)


def test_probabilities_and_labels_are_those_of_predict(served):
    for n, prediction in enumerate(served.predictions):
        answer = ask(served, served.scans[n : n + 1])
        assert answer.as_numpy("probabilities")[0] == pytest.approx(served.probabilities[n], abs=1e-6)
        assert served.bundle.labels[int(answer.as_numpy("label")[0, 0])] == prediction.label


def test_batch_is_answered_scan_by_scan(served):
    assert ask(served, served.scans).as_numpy("probabilities") == pytest.approx(served.probabilities, abs=1e-6)


def test_classification_names_the_classes(served):
    asked = http.InferRequestedOutput("probabilities", class_count=2)
    (first, _) = ask(served, served.scans[:1], outputs=[asked]).as_numpy("probabilities")[0]
    probability, index, label = first.decode().split(":")
    best = int(served.probabilities[0].argmax())
    assert (int(index), label) == (best, served.bundle.labels[best])
    assert float(probability) == pytest.approx(served.probabilities[0].max(), abs=1e-6)


def test_heatmap_is_that_of_edge_run(served):
    with Ensemble.load(served.bundle.path, precision=served.precision) as ensemble:
        maps = ensemble.heatmap(served.files[0]).maps
    found = ask(served, served.scans[:1]).as_numpy("heatmap")[0, served.bundle.labels.index(maps.label)]
    assert found == pytest.approx(maps.ensemble, abs=1e-5)


def test_metadata_say_what_a_client_sends(served):
    metadata = served.client.get_model_metadata(served.model)
    size = served.bundle.manifest.preprocess.size
    assert metadata["inputs"] == [{"name": "scan", "datatype": "UINT8", "shape": [-1, 1, size, size]}]
    config = served.client.get_model_config(served.model)
    assert config["parameters"]["edge_run_bundle_sha256"]["string_value"] == served.bundle.sha256


def test_wrong_size_is_refused(served):
    with pytest.raises(InferenceServerException, match="shape"):
        ask(served, np.zeros((1, 1, 16, 16), np.uint8))


@pytest.mark.parametrize("name", ["toy", "ct-covid"])
def test_early_exit_stops_where_edge_run_stops(client, name):
    bundle = Bundle(client.toy if name == "toy" else name)
    scans = np.concatenate([preprocess(toy.scan(seed, (300, 260)), bundle.manifest.preprocess) for seed in range(5)])
    tensor = http.InferInput("scan", scans.shape, "UINT8")
    tensor.set_data_from_numpy(scans)
    found = patiently(client.infer)(f"{name}-early-exit", [tensor])
    with Ensemble.load(bundle.path, precision="int8-cpu", early_exit=True) as ensemble:
        decisions = [voted.decision for voted in ensemble.vote(scans)]
    assert [int(one) for one in found.as_numpy("members")[:, 0]] == [len(one.members) for one in decisions]
    assert [bundle.labels[int(one)] for one in found.as_numpy("label")[:, 0]] == [one.label for one in decisions]
    probabilities = [list(one.probabilities.values()) for one in decisions]
    assert found.as_numpy("probabilities") == pytest.approx(np.array(probabilities), abs=1e-6)
