"""The run side against a fake TensorRT and CUDA (tests/fake_tensorrt.py)."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run import BackendError
from edge_run.backends import Network, open_runner
from edge_run.backends.tensorrt import engines
from edge_run.backends.tensorrt.device import Gpu
from edge_run.backends.tensorrt.runner import TensorRTRunner
from fake_tensorrt import CAPABILITY, GPU, VERSION, cudaError_t, install, plan_of
from toy import toy_model

if TYPE_CHECKING:
    from pathlib import Path

    from fake_tensorrt import FakeCuda, FakeTensorRT

    Fakes = tuple[FakeCuda, FakeTensorRT]

MODEL = toy_model(3)
BATCH = np.random.default_rng(0).integers(0, 256, (5, 1, 32, 32), dtype=np.uint8)
OPENING = ("cudaStreamCreateWithFlags", "cudaHostAlloc", "cudaMalloc", "cudaStreamSynchronize")


def network_in(folder: Path, plan: bytes, *, dla: bool = False) -> Network:
    """A network with an engine beside it that was built here."""
    network = Network(MODEL, "toy.fp16", "fp16", 32, folder)
    key = engines.key_of(network, VERSION, Gpu(GPU, ".".join(map(str, CAPABILITY))), engines.Options(True, dla=dla))
    record = engines.Engine(key, hashlib.sha256(plan).hexdigest(), len(plan), 1, 0)
    engines.save(engines.engine_path(network), plan, record)
    return network


def opened(folder: Path, *, dla: bool = False, **plan: int) -> TensorRTRunner:
    return TensorRTRunner(network_in(folder, plan_of(MODEL, **plan), dla=dla), threads=1)


def right() -> tuple[np.ndarray, np.ndarray]:
    with open_runner("cpu", Network(MODEL, "toy.fp32", "fp32", 32), threads=1) as runner:
        return runner.run(BATCH)


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(
    ("plan", "tolerance"),
    [({"batch": 1}, 1e-6), ({"batch": 2}, 1e-6), ({"batch": 8}, 1e-6), ({"half": True}, 2e-3)],
    ids=["one by one", "in parts", "together", "half precision"],
)
def test_answers_are_the_networks(tmp_path: Path, plan: dict[str, int], tolerance: float) -> None:
    with opened(tmp_path, **plan) as runner:
        first, again = runner.run(BATCH), runner.run(BATCH[::-1])
    for found, wanted in zip(first, right(), strict=True):
        assert found.dtype == np.float32
        assert found == pytest.approx(wanted, abs=tolerance)
    assert again.logits == pytest.approx(first.logits[::-1], abs=1e-6)


@pytest.mark.usefixtures("fakes")
def test_answers_do_not_change_with_the_next_call(tmp_path: Path) -> None:
    with opened(tmp_path) as runner:
        first = runner.run(BATCH[:1])
        kept = first.features.copy()
        runner.run(BATCH[1:2])
    assert np.array_equal(first.features, kept)


def test_one_shape_is_recorded_once_and_replayed(fakes: Fakes, tmp_path: Path) -> None:
    cuda, _ = fakes
    with opened(tmp_path, batch=1) as runner:
        assert runner.captured
        launched = cuda.count("trt.execute_async_v3")
        runner.run(BATCH)
        assert cuda.count("cudaGraphInstantiate") == 1
        assert cuda.count("cudaGraphLaunch") == len(BATCH)
        assert cuda.count("trt.execute_async_v3") == launched


def test_several_shapes_are_not_recorded(fakes: Fakes, tmp_path: Path) -> None:
    cuda, _ = fakes
    with opened(tmp_path, batch=2) as runner:
        assert not runner.captured
        before = cuda.count("trt.execute_async_v3")
        runner.run(BATCH)
        assert cuda.count("trt.execute_async_v3") - before == 3
        assert cuda.count("cudaStreamBeginCapture") == 0


@pytest.mark.parametrize("what", ["capture", "cudaStreamBeginCapture", "cudaStreamEndCapture", "cudaGraphInstantiate"])
def test_what_cannot_be_recorded_runs_call_by_call(fakes: Fakes, tmp_path: Path, what: str) -> None:
    cuda, trt = fakes
    if what == "capture":
        trt.refusing.add(what)
    else:
        cuda.failing[what] = (0, cudaError_t.cudaErrorInvalidValue)
    with opened(tmp_path) as runner:
        assert not runner.captured
        assert runner.run(BATCH).logits == pytest.approx(right()[0], abs=1e-6)
    assert cuda.held == 0


def test_error_left_by_a_recording_is_taken_away(fakes: Fakes, tmp_path: Path) -> None:
    cuda, trt = fakes
    trt.refusing.add("capture")
    with opened(tmp_path):
        assert cuda.calls[-1] == "cudaGetLastError"


def test_each_runner_has_a_stream_that_is_not_the_default_one(fakes: Fakes, tmp_path: Path) -> None:
    cuda, trt = fakes
    with opened(tmp_path / "a", batch=2) as one, opened(tmp_path / "b", batch=2) as other:
        one.run(BATCH)
        other.run(BATCH)
        assert trt.streams == set(cuda.streams)
        assert len(trt.streams) == 2
        assert 0 not in trt.streams


def test_nothing_is_taken_after_opening(fakes: Fakes, tmp_path: Path) -> None:
    cuda, _ = fakes
    with opened(tmp_path) as runner:
        held, mallocs = cuda.held, cuda.count("cudaMalloc") + cuda.count("cudaHostAlloc")
        runner.run(BATCH)
        assert (cuda.held, cuda.count("cudaMalloc") + cuda.count("cudaHostAlloc")) == (held, mallocs)
        assert len(cuda.device) == len(cuda.pinned) == 3


@pytest.mark.parametrize("batch", [1, 4])
def test_everything_is_given_back(fakes: Fakes, tmp_path: Path, batch: int) -> None:
    cuda, trt = fakes
    runner = opened(tmp_path, batch=batch)
    runner.run(BATCH)
    assert cuda.held > 0
    assert sorted(trt.alive) == ["ICudaEngine", "IExecutionContext", "Runtime"]
    runner.close()
    runner.close()
    assert (cuda.held, trt.alive) == (0, [])
    with pytest.raises(RuntimeError, match=r"toy\.fp16 is closed"):
        runner.run(BATCH)


def test_things_go_in_the_order_in_which_they_need_each_other(fakes: Fakes, tmp_path: Path) -> None:
    cuda, _ = fakes
    opened(tmp_path).close()
    gone = ["del IExecutionContext", "del ICudaEngine", "del Runtime", "cudaFree", "cudaStreamDestroy"]
    places = [cuda.calls.index(name) for name in gone]
    assert places == sorted(places)


@pytest.mark.parametrize("name", OPENING)
@pytest.mark.parametrize("works", range(3))
def test_cuda_failing_half_way_leaves_nothing(fakes: Fakes, tmp_path: Path, name: str, works: int) -> None:
    cuda, trt = fakes
    cuda.failing[name] = (works, cudaError_t.cudaErrorMemoryAllocation)
    try:
        runner = opened(tmp_path, batch=2)
    except BackendError as error:
        said = str(error)
        del error
        assert "words for cudaErrorMemoryAllocation (CUDA error 2)" in said
    else:
        assert name in ("cudaStreamCreateWithFlags", "cudaStreamSynchronize")
        assert works > 0
        runner.close()
    assert (cuda.held, trt.alive) == (0, [])


@pytest.mark.parametrize(
    ("name", "words", "hint"),
    [
        ("deserialize_cuda_engine", "does not take the engine", "edge-run compile BUNDLE --precision fp16 --force"),
        ("create_execution_context", "has no memory for the engine", "close what else uses the GPU"),
        ("set_input_shape", "takes no 1 scans of 32 pixels", "edge-run verify BUNDLE"),
        ("set_tensor_address", "takes no memory for scan", "edge-run verify BUNDLE"),
        ("execute_async_v3", "does not run it", "edge-run verify BUNDLE"),
    ],
)
def test_tensorrt_refusing_to_open(fakes: Fakes, tmp_path: Path, name: str, words: str, hint: str) -> None:
    cuda, trt = fakes
    trt.refusing.add(name)
    with pytest.raises(BackendError) as caught:
        opened(tmp_path)
    assert caught.value.message == f"toy.fp16: TensorRT {VERSION} {words}: words for {name}"
    assert hint in caught.value.hint
    del caught
    assert (cuda.held, trt.alive) == (0, [])


def test_engine_failing_later_says_so(fakes: Fakes, tmp_path: Path) -> None:
    cuda, trt = fakes
    with opened(tmp_path, batch=8) as runner:
        trt.refusing.add("execute_async_v3")
        with pytest.raises(BackendError, match="does not run it: words for execute_async_v3"):
            runner.run(BATCH)
        trt.refusing.clear()
        cuda.failing["cudaStreamSynchronize"] = (0, cudaError_t.cudaErrorIllegalAddress)
        with pytest.raises(BackendError, match="the GPU fails: words for cudaErrorIllegalAddress"):
            runner.run(BATCH)
    assert cuda.held == 0


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (toy_model(logits_name="answer"), "finds scan, answer, features in it, no bundle's network"),
        (toy_model(size=40), "takes no 1 scans of 32 pixels"),
    ],
)
def test_engine_of_something_else_is_refused(fakes: Fakes, tmp_path: Path, model: bytes, words: str) -> None:
    cuda, _ = fakes
    with pytest.raises(BackendError, match=words):
        TensorRTRunner(network_in(tmp_path, plan_of(model)), threads=1)
    assert cuda.held == 0


@pytest.mark.parametrize("dla", [False, True])
def test_accelerator_is_chosen_where_the_engine_is_for_it(
    fakes: Fakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dla: bool
) -> None:
    _, trt = fakes
    made, real = [], trt.Runtime
    monkeypatch.setattr(trt, "Runtime", lambda logger: made.append(real(logger)) or made[-1])
    with opened(tmp_path, dla=dla):
        assert [runtime.DLA_core for runtime in made] == [0 if dla else -1]


# Whether it can run at all


def test_gpu_is_looked_for_before_tensorrts_runtime(fakes: Fakes, tmp_path: Path) -> None:
    cuda, _ = fakes
    with opened(tmp_path):
        pass
    assert cuda.calls.index("cudaGetDeviceCount") < cuda.calls.index("trt.Runtime")


@pytest.mark.parametrize(("gpus", "words"), [(0, "CUDA finds no GPU"), (-1, "words for cudaErrorInsufficientDriver")])
def test_no_gpu_is_said_and_tensorrt_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpus: int, words: str
) -> None:
    cuda, _ = install(monkeypatch, gpus=gpus)
    with pytest.raises(BackendError, match=words) as caught:
        opened(tmp_path)
    assert "nvidia-smi" in caught.value.hint
    found = TensorRTRunner.unavailable()
    assert found is not None
    assert words in found.reason
    assert found.installed
    assert "trt.Runtime" not in cuda.calls


def test_nothing_is_missing(fakes: Fakes) -> None:
    assert TensorRTRunner.unavailable() is None
    assert fakes[0].calls == ["cudaGetDeviceCount", "cudaGetDeviceProperties"]


@pytest.mark.usefixtures("fakes")
@pytest.mark.parametrize(
    ("module", "why", "hint", "installed"),
    [
        ("tensorrt", "TensorRT is not installed", "--system-site-packages", False),
        ("cuda.bindings.runtime", "cuda-bindings is not installed", "pip install cuda-bindings", True),
    ],
)
def test_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, why: str, hint: str, installed: bool
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    found = TensorRTRunner.unavailable()
    assert found is not None
    assert (found.reason, found.installed) == (why, installed)
    assert hint in found.hint


@pytest.mark.usefixtures("fakes")
def test_tensorrt_that_cannot_be_loaded_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(BackendError, match="TensorRT cannot be imported") as caught:
        opened(tmp_path)
    assert "python3-libnvinfer" in caught.value.hint
