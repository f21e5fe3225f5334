"""The model with certified early exit beside edge-run's own; what it uses of Triton's Python backend is a stand-in."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from edge_export.triton import write_repository
from edge_run import Bundle, Ensemble, preprocess
from toy import scan, write_toy_bundle

SCANS = 12


class Backend:
    """What the model uses of ``triton_python_backend_utils``; members answer from the repository's graphs."""

    def __init__(self, repository) -> None:
        self.repository, self.asked, self.refuses = repository, [], ""

    def Tensor(self, name, array):  # noqa: N802
        return SimpleNamespace(name=lambda: name, as_numpy=lambda: array, array=array)

    def InferenceRequest(self, model_name, requested_output_names, inputs):  # noqa: N802
        async def answer():
            (scans,) = (tensor.as_numpy() for tensor in inputs)
            self.asked.append((model_name, len(scans)))
            if model_name == self.refuses:
                return SimpleNamespace(has_error=lambda: True, error=lambda: "the queue is full")
            session = onnxruntime.InferenceSession(self.repository / model_name / "1/model.onnx")
            outputs = dict(
                zip(requested_output_names, session.run(requested_output_names, {"scan": scans}), strict=True)
            )
            return SimpleNamespace(has_error=lambda: False, outputs=outputs)

        return SimpleNamespace(async_exec=answer)

    def get_output_tensor_by_name(self, answer, name):
        return self.Tensor(name, answer.outputs[name])

    def InferenceResponse(self, tensors=(), error=None):  # noqa: N802
        return error or {tensor.name(): tensor.array for tensor in tensors}


@pytest.fixture(params=[2, 3], ids=["two labels", "three labels"])
def bundle(request, tmp_path):
    def decided(manifest):
        # So that some scans stop before the last stage, and some do not.
        for member, weight in zip(manifest["members"], (0.75, 0.15, 0.06, 0.04), strict=True):
            member["weight"] = weight
        if request.param == 2:
            manifest["task"]["threshold"] = 0.46
        for flags in manifest["flags"].values():
            flags["low_confidence"] = 0.43 if request.param == 3 else 0.0

    labels = ("covid", "non_covid", "unclear")[: request.param]
    return Bundle(write_toy_bundle(tmp_path / "toy", labels=labels, mutate=decided))


@pytest.fixture
def backend(bundle, tmp_path, monkeypatch):
    write_repository(bundle, tmp_path / "repository", early_exit=True)
    backend = Backend(tmp_path / "repository")
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", backend)
    return backend


def model_of(backend):
    """Load the model from the repository, with the plan in its configuration."""
    folder = backend.repository / "toy-early-exit"
    spec = importlib.util.spec_from_file_location("served_model", folder / "1/model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.TritonPythonModel()
    line = next(line for line in (folder / "config.pbtxt").read_text().splitlines() if "stages" in line)
    plan = line.partition(': "')[2][:-1].encode().decode("unicode_escape")
    model.initialize({"model_config": json.dumps({"parameters": {"early_exit": {"string_value": plan}}})})
    return model


def ask(backend, scans):
    request = SimpleNamespace(inputs=lambda: [backend.Tensor("scan", scans)])
    (answer,) = asyncio.run(model_of(backend).execute([request]))
    return answer


def scans_of(bundle):
    scans = [scan(n, (60 + 7 * n, 200)) for n in range(SCANS)]
    return np.concatenate([preprocess(pixels, bundle.manifest.preprocess) for pixels in scans])


def test_answers_and_stops_as_edge_run_does(bundle, backend):
    found = ask(backend, scans_of(bundle))
    stopped = set()
    with Ensemble.load(bundle.path, precision="int8-cpu", early_exit=True) as ensemble:
        for n, voted in enumerate(ensemble.vote(scans_of(bundle))):
            decision = voted.decision
            assert bundle.labels[int(found["label"][n, 0])] == decision.label
            assert found["members"][n, 0] == len(decision.members)
            assert found["probabilities"][n] == pytest.approx(list(decision.probabilities.values()), abs=1e-12)
            index = bundle.labels.index(decision.label)
            interval = decision.interval or (decision.probability, decision.probability)
            assert (found["low"][n, index], min(found["high"][n, index], 1.0)) == pytest.approx(interval, abs=1e-12)
            stopped.add(len(decision.members))
    assert len(stopped) > 1, "the scans are too much alike to show anything"


def test_members_are_asked_for_the_scans_that_are_open(bundle, backend):
    found = ask(backend, scans_of(bundle))
    counts = [count for _, count in backend.asked]
    assert counts[0] == SCANS
    assert sum(counts) == found["members"].sum()
    assert counts == sorted(counts, reverse=True)


def test_member_that_refuses_is_the_answer(bundle, backend):
    backend.refuses = "toy-googlenet"
    assert ask(backend, scans_of(bundle)) == "the queue is full"
