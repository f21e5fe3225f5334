"""``edge-run compile``: TensorRT-RTX builds on the processor, CUDA is a fake that has a GPU."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from edge_run import Bundle
from edge_run.backends.tensorrt import compile as compiling
from edge_run.backends.tensorrt.build import Built
from fake_tensorrt import GPU, FakeCuda
from tensorrt_models import convolution_model
from toy import edge_run, replace_file, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    Capsys = pytest.CaptureFixture[str]

pytestmark = pytest.mark.filterwarnings("ignore:.*Timing cache:DeprecationWarning")


@pytest.fixture
def on_gpu(rtx: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The builder, and a GPU for it."""
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", FakeCuda())
    return rtx


@pytest.fixture
def at_once(on_gpu: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - only its effect
    """Builds that take no time, each another engine."""
    plans = (b"plan %d" % n for n in itertools.count())
    monkeypatch.setattr(compiling, "build", lambda *_, **__: Built(next(plans), b"cache", 1, 0))


BY_PRECISION = ("parity", "evaluation", "flags", "profile")


def with_precisions(*names: str) -> Any:
    """Mutate a toy manifest: the artefact of ``int8-cpu`` under other names."""

    def mutate(manifest: dict[str, Any]) -> None:
        tables = [member["artefacts"] for member in manifest["members"]]
        for table in (*tables, *(manifest[name] for name in BY_PRECISION), manifest["reference"]["tolerance"]):
            other = table.pop("int8-cpu")
            table.update(dict.fromkeys(names, other))

    return mutate


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two members at ``fp32``, ``int8-cpu`` and ``int8-trt``: the INT8 ones for TensorRT."""
    folder = write_toy_bundle(tmp_path / "toy", members=2, mutate=with_precisions("int8-cpu", "int8-trt"))
    for arch in ("resnet18", "googlenet"):
        replace_file(folder, f"models/{arch}.int8-cpu.onnx", convolution_model("int8-trt"))
    return folder


def compiled(capsys: Capsys, *arguments: object) -> list[dict[str, Any]]:
    answered = edge_run(capsys, "compile", *arguments, "--json")
    assert (answered.code, answered.err) == (0, "")
    return json.loads(answered.out)["engines"]


@pytest.mark.usefixtures("on_gpu")
def test_every_member_is_built_at_every_precision_best_first(capsys: Capsys, bundle: Path) -> None:
    found = compiled(capsys, bundle)
    names = ["resnet18.int8-trt", "googlenet.int8-trt", "resnet18.fp32", "googlenet.fp32"]
    assert [engine["name"] for engine in found] == names
    assert [(engine["quantised"], engine["convolutions"]) for engine in found] == [(1, 1), (1, 1), (0, 1), (0, 1)]
    assert [engine["key"]["options"]["tf32"] for engine in found] == [True, True, False, False]
    assert all(engine["built"] for engine in found)
    folder = bundle.with_name("toy.engines")
    written = {f"{name}.{end}" for name in names for end in ("engine", "json")} | {"timing.cache"}
    assert {path.name for path in folder.iterdir()} == written


def test_record_holds_the_whole_key(capsys: Capsys, bundle: Path, on_gpu: ModuleType) -> None:
    (engine, _) = compiled(capsys, bundle, "--precision", "int8", "--batch", 4, "--workspace", 64)
    manifest = Bundle(bundle).manifest
    assert engine["key"] == {
        "onnx": manifest.members[0].artefacts["int8-trt"].file.sha256,
        "tensorrt": on_gpu.__version__,
        "gpu": GPU,
        "compute_capability": "8.7",
        "options": {"tf32": True, "batch": 4, "workspace_mib": 64, "dla": False, "optimization_level": 3},
    }
    kept = json.loads(bundle.with_name("toy.engines").joinpath("resnet18.int8-trt.json").read_text())
    assert kept == {name: engine[name] for name in kept}
    assert set(kept) == {"key", "sha256", "bytes", "convolutions", "quantised"}


@pytest.mark.usefixtures("at_once")
def test_engine_of_the_same_key_is_kept(capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = (bundle, "--precision", "fp32")
    first = compiled(capsys, *asked)
    path = bundle.with_name("toy.engines") / "googlenet.fp32.engine"
    path.write_bytes(b"changed")
    again = compiled(capsys, *asked)
    assert [engine["built"] for engine in again] == [False, True]
    assert again[0]["sha256"] == first[0]["sha256"]
    assert path.read_bytes() == b"plan 2"
    assert [engine["built"] for engine in compiled(capsys, *asked, "--batch", 2)] == [True, True]
    assert [engine["built"] for engine in compiled(capsys, *asked, "--batch", 2)] == [False, False]
    monkeypatch.setitem(sys.modules, "cuda.bindings.runtime", other_gpu())
    assert [engine["built"] for engine in compiled(capsys, *asked, "--batch", 2)] == [True, True]


def other_gpu() -> FakeCuda:
    cuda = FakeCuda()
    real = cuda.cudaGetDeviceProperties

    def renamed(device: int) -> tuple[Any, ...]:
        error, found = real(device)
        found.name = b"Other GPU"
        return error, found

    cuda.cudaGetDeviceProperties = renamed  # type: ignore[method-assign]
    return cuda


@pytest.mark.usefixtures("at_once")
def test_force_builds_what_is_there(capsys: Capsys, bundle: Path) -> None:
    asked = (bundle, "--precision", "int8")
    compiled(capsys, *asked)
    assert [engine["built"] for engine in compiled(capsys, *asked, "--force")] == [True, True]


@pytest.mark.usefixtures("on_gpu")
def test_text_is_a_line_per_engine(capsys: Capsys, bundle: Path) -> None:
    code, out, err = edge_run(capsys, "compile", bundle, "--precision", "int8")
    assert (code, err) == (0, "")
    line = r"resnet18\.int8-trt +built in \d+ s, [\d.]+ MiB, 1 of 1 convolutions in INT8: .*toy\.engines.*\.engine"
    assert re.fullmatch(line, out.splitlines()[0])
    assert len(out.splitlines()) == 2


@pytest.mark.usefixtures("on_gpu")
def test_progress_is_drawn_and_erased(capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    err = edge_run(capsys, "compile", bundle, "--precision", "int8").err
    assert "resnet18.int8-trt" in err
    assert err.endswith("\r\x1b[K")


@pytest.mark.usefixtures("on_gpu")
def test_ctrl_c_stops_the_build_and_keeps_what_was_built(
    capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, told = compiling.build, []

    def interrupted(network: Any, options: Any, *, stopped: Any, **rest: Any) -> Any:
        def progress(share: float) -> None:
            if network.name == "googlenet.fp32" and not told:
                os.kill(os.getpid(), signal.SIGINT)
                # The other thread takes the signal; until then TensorRT goes on.
                stopped.wait(5)
            told.append(share)

        if network.name.startswith("google"):
            rest["progress"] = progress
        return real(network, options, **rest, stopped=stopped)

    monkeypatch.setattr(compiling, "build", interrupted)
    # A shell's background jobs begin with the signal ignored, and then so do these tests.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        begin = time.monotonic()
        code, out, err = edge_run(capsys, "compile", bundle, "--precision", "fp32")
    finally:
        signal.signal(signal.SIGINT, before)
    assert time.monotonic() - begin < 30
    assert code == 130
    assert len(told) < 5
    assert "interrupted: 1 engines are in" in err
    assert "Traceback" not in err
    assert len(out.splitlines()) == 1
    written = {path.name for path in bundle.with_name("toy.engines").iterdir()}
    assert written == {"resnet18.fp32.engine", "resnet18.fp32.json", "timing.cache"}


@pytest.mark.usefixtures("on_gpu")
def test_what_the_parser_refuses_is_5(capsys: Capsys, bundle: Path) -> None:
    replace_file(bundle, "models/resnet18.int8-cpu.onnx", convolution_model("int8-trt", zero_point=3))
    code, out, err = edge_run(capsys, "compile", bundle, "--precision", "int8")
    assert (code, out) == (5, "")
    assert "cannot read resnet18.int8-trt: " in err
    assert "zero point" in err.lower()


@pytest.mark.usefixtures("on_gpu")
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--precision", "int8-cpu"], 5, "zero points are not 0, and TensorRT takes no others"),
        (["--precision", "fp8"], 2, "TensorRT runs no precision 'fp8'"),
        (["--precision", "fp16"], 2, "the bundle has no precision 'fp16'"),
        (["--dla", "--precision", "int8"], 5, "finds no deep learning accelerator here"),
        (["--dla", "--batch", "2"], 2, "takes one shape only"),
        (["--dla", "--precision", "fp32"], 5, "accelerator does not compute in fp32"),
        (["--batch", "0"], 2, "--batch"),
    ],
)
def test_refused(capsys: Capsys, bundle: Path, arguments: list[str], code: int, words: str) -> None:
    answered = edge_run(capsys, "compile", bundle, *arguments)
    assert (answered.code, answered.out) == (code, "")
    assert words in answered.err
    assert not bundle.with_name("toy.engines").exists()


@pytest.mark.usefixtures("on_gpu")
def test_changed_network_is_4(capsys: Capsys, bundle: Path) -> None:
    (bundle / "models/resnet18.int8-cpu.onnx").write_bytes(b"?")
    code, out, err = edge_run(capsys, "compile", bundle, "--precision", "int8")
    assert (code, out) == (4, "")
    assert "is not the file its manifest names" in err


@pytest.mark.parametrize(
    ("module", "replacement", "why", "hint"),
    [
        ("tensorrt", None, "TensorRT is not installed", "--system-site-packages"),
        ("cuda.bindings.runtime", None, "cuda-bindings is not installed", "pip install cuda-bindings"),
        ("cuda.bindings.runtime", FakeCuda(-1), "CUDA finds no GPU: words for", "nvidia-smi"),
        ("cuda.bindings.runtime", FakeCuda(0), "CUDA finds no GPU", "nvidia-smi"),
    ],
    ids=["no tensorrt", "no cuda", "no driver", "no gpu"],
)
@pytest.mark.usefixtures("on_gpu")
def test_without_a_gpu_it_is_5(
    capsys: Capsys, bundle: Path, monkeypatch: pytest.MonkeyPatch, module: str, replacement: Any, why: str, hint: str
) -> None:
    monkeypatch.setitem(sys.modules, module, replacement)
    code, out, err = edge_run(capsys, "compile", bundle)
    assert (code, out) == (5, "")
    assert err.startswith(f"error: no engines can be built here: {why}")
    assert hint in err
    assert not bundle.with_name("toy.engines").exists()


def test_without_a_bundle_it_is_2(capsys: Capsys) -> None:
    answered = edge_run(capsys, "compile")
    assert (answered.code, answered.out) == (2, "")
