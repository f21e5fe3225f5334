"""The build side, for real: TensorRT-RTX's parser and builder on the processor."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from edge_run import BackendError, BundleError
from edge_run.backends.network import Network
from edge_run.backends.tensorrt.build import _configure, build
from edge_run.backends.tensorrt.engines import Options, allows_tf32
from edge_run.backends.tensorrt.log import log_of
from edge_run.backends.tensorrt.precisions import PRECISIONS
from edge_run.backends.tensorrt.progress import Phases
from tensorrt_models import SIZE, convolution_model
from toy import WIDTH, toy_model

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

pytestmark = [
    pytest.mark.usefixtures("rtx"),
    # TensorRT-RTX keeps no timing cache, and says so of the calls that TensorRT needs.
    pytest.mark.filterwarnings("ignore:.*Timing cache:DeprecationWarning"),
]
TF32 = Options(tf32=True)


def network(model: bytes, precision: str = "fp32") -> Network:
    return Network(model, f"toy.{precision}", precision, SIZE)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_builds_and_int8_reaches_the_convolution(precision: str) -> None:
    built = build(network(convolution_model(precision), precision), Options(allows_tf32(precision)))
    assert built is not None
    assert len(built.plan) > 1000
    assert (built.convolutions, built.quantised) == (1, int(precision.startswith("int8")))


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (convolution_model("int8-trt", zero_point=3), "zero point"),
        (convolution_model("int8-trt", zero_point=128, unsigned=True), "(?i)uint8|zero point"),
        (b"", "it is empty"),
        (b"no model", "Failed to parse the ONNX model"),
        (toy_model()[:500], "Failed to parse the ONNX model"),
    ],
    ids=["zero point", "as for processors", "empty", "no model", "cut off"],
)
def test_what_the_parser_refuses_is_said_in_its_words(model: bytes, words: str, rtx: ModuleType) -> None:
    with pytest.raises(BackendError, match=words) as caught:
        build(network(model, "int8-trt"), TF32)
    assert caught.value.message.startswith(f"TensorRT {rtx.__version__} cannot read toy.int8-trt: ")
    assert "edge-run compile" in caught.value.hint


@pytest.mark.parametrize("where", ["secret.bin", "./secret.bin", "{folder}/secret.bin"])
def test_model_cannot_read_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(WIDTH * 64 * 4))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="keeps weights outside its file"):
        build(network(toy_model(external=where.format(folder=tmp_path))), TF32)


def test_progress_rises_to_the_end() -> None:
    shares: list[float] = []
    build(network(toy_model()), TF32, progress=shares.append)
    assert len(shares) > 10
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[-1] > 0.7


def test_build_that_is_stopped_returns_nothing() -> None:
    stopped, shares = threading.Event(), []

    def stop_early(share: float) -> None:
        shares.append(share)
        stopped.set()

    assert build(network(toy_model()), TF32, progress=stop_early, stopped=stopped) is None
    assert len(shares) < 5


def configured(trt: ModuleType, options: Options) -> tuple[object, object]:
    log = log_of(trt)
    builder = trt.Builder(log)
    parsed = builder.create_network(0)
    parsed.add_input("scan", trt.uint8, (-1, 1, SIZE, SIZE))
    return _configure(trt, builder, parsed, options), (builder, parsed)


@pytest.mark.parametrize("tf32", [True, False])
def test_builder_gets_what_was_asked(rtx: ModuleType, tf32: bool) -> None:
    options = Options(tf32=tf32, batch=4, workspace_mib=33, optimization_level=2)
    config, _alive = configured(rtx, options)
    assert config.get_flag(rtx.BuilderFlag.TF32) == tf32
    assert config.get_memory_pool_limit(rtx.MemoryPoolType.WORKSPACE) == 33 * 2**20
    assert config.builder_optimization_level == 2
    assert config.num_optimization_profiles == 1


@pytest.mark.parametrize("batch", [1, 4])
def test_profile_spans_1_to_the_batch(rtx: ModuleType, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    given: list[tuple[object, ...]] = []
    real = rtx.IOptimizationProfile.set_shape
    monkeypatch.setattr(
        rtx.IOptimizationProfile, "set_shape", lambda self, *shapes: given.append(shapes) or real(self, *shapes)
    )
    configured(rtx, Options(tf32=True, batch=batch))
    assert given == [("scan", (1, 1, SIZE, SIZE), (batch, 1, SIZE, SIZE), (batch, 1, SIZE, SIZE))]


def test_no_fp32_engine_may_use_tf32() -> None:
    assert [name for name in PRECISIONS if not allows_tf32(name)] == ["fp32"]


def test_accelerator_that_is_not_there_is_refused() -> None:
    with pytest.raises(BackendError, match=r"--dla: .* finds no deep learning accelerator") as caught:
        build(network(convolution_model("fp16"), "fp16"), Options(tf32=True, dla=True))
    assert caught.value.hint == "leave --dla away"


def test_log_keeps_the_last_errors_once(rtx: ModuleType) -> None:
    log, severity = log_of(rtx), rtx.ILogger.Severity
    log.last_errors()
    for words in [f"error {n}" for n in range(9)]:
        log.log(severity.ERROR, words)
    log.log(severity.WARNING, "warning")
    assert log.last_errors() == "error 5; error 6; error 7; error 8"
    assert log.last_errors() == "it gives no reason"
    assert log_of(rtx) is log


def test_share_of_nested_phases() -> None:
    phases, shares = Phases(), []
    phases.start("all", 2)
    for _ in range(2):
        phases.start("half", 2)
        for step in range(2):
            phases.step("half", step)
            shares.append(phases.share)
        phases.finish("half")
        phases.step("all", len(shares) // 2 - 1)
        shares.append(phases.share)
    assert shares == [0.25, 0.5, 0.5, 0.75, 1.0, 1.0]
    phases.step("never begun", 0)
    assert phases.share == 1.0
