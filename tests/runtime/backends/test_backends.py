from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from edge_run import BackendError, BundleError, UsageError
from edge_run.backends import (
    BACKENDS,
    Availability,
    Network,
    Outputs,
    Runner,
    Unavailable,
    choose,
    installed,
    open_runner,
    table,
    unavailable,
)
from edge_run.backends.onnxruntime.session import session_options
from edge_run.backends.table import REASONS
from edge_run.voting.prediction import SkippedBackend
from toy import WIDTH, edge_run, head, toy_model

if TYPE_CHECKING:
    import onnxruntime as ort


BATCH = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)


def opened(model: bytes, threads: int = 1) -> Runner:
    return open_runner("cpu", Network(model, "toy.fp32", "fp32", 32), threads=threads)


# The choice

ALL = ["fp32", "fp16", "int8-cpu", "int8-trt", "int8-trt-fp16"]
EVERY = [*ALL, "bf16"]
PC = ["fp32", "int8-cpu"]
ABSENT = Unavailable("it is not installed", "install it", installed=False)
BROKEN = Unavailable("its library does not load", "repair it", installed=True)


def machine(*ready: str, broken: tuple[str, ...] = ()) -> dict[str, Unavailable | None]:
    """What is missing on a machine where some backends are ready, some installed and broken, the others absent."""
    return {name: None if name in ready else BROKEN if name in broken else ABSENT for name in BACKENDS}


@pytest.mark.parametrize(
    ("backend", "precision", "available", "ready", "chosen"),
    [
        ("auto", None, PC, ["cpu"], ("cpu", "int8-cpu")),
        ("auto", None, PC[::-1], ["cpu"], ("cpu", "int8-cpu")),
        ("auto", None, ["fp16", "fp32"], ["cpu"], ("cpu", "fp32")),
        ("auto", None, ["int8-trt", "fp16"], ["cpu"], ("cpu", "fp16")),
        ("cpu", None, PC, ["cpu"], ("cpu", "int8-cpu")),
        ("auto", "fp32", PC, ["cpu"], ("cpu", "fp32")),
        ("cpu", "fp32", PC, ["cpu"], ("cpu", "fp32")),
        ("auto", None, ALL, BACKENDS, ("tensorrt", "int8-trt-fp16")),
        ("auto", None, ALL, ["tensorrt-ep", "rtx", "cuda", "cpu"], ("tensorrt-ep", "int8-trt")),
        ("auto", None, ALL, ["rtx", "cuda", "cpu"], ("rtx", "int8-trt")),
        ("auto", None, ALL, ["cuda", "cpu"], ("cuda", "fp16")),
        ("auto", None, ALL, ["cpu", "openvino"], ("cpu", "int8-cpu")),
        ("auto", None, ["int8-trt"], ["cuda", "cpu", "openvino"], ("openvino", "int8-trt")),
        ("auto", "int8-cpu", ALL, BACKENDS, ("cpu", "int8-cpu")),
        ("auto", "int8-trt-fp16", ALL, BACKENDS, ("tensorrt", "int8-trt-fp16")),
        ("auto", None, PC, BACKENDS, ("tensorrt", "fp32")),
        ("tensorrt", None, ["fp16", "int8-trt"], BACKENDS, ("tensorrt", "int8-trt")),
        ("cuda", None, ALL, BACKENDS, ("cuda", "fp16")),
        ("openvino", None, ALL, BACKENDS, ("openvino", "int8-trt")),
        ("openvino", None, PC, BACKENDS, ("openvino", "int8-cpu")),
        ("cpu", None, ALL, BACKENDS, ("cpu", "int8-cpu")),
    ],
)
def test_choice(
    backend: str, precision: str | None, available: list[str], ready: list[str], chosen: tuple[str, str]
) -> None:
    assert choose(backend, precision, available, machine(*ready))[:2] == chosen


@pytest.mark.parametrize(
    ("missing", "gpu", "backend", "skipped_backends"),
    [
        (machine("cpu"), False, "cpu", []),
        (machine("cpu"), True, "cpu", ["tensorrt", "tensorrt-ep", "rtx", "cuda"]),
        (machine("cpu", broken=("tensorrt-ep", "cuda")), False, "cpu", ["tensorrt-ep", "cuda"]),
        (machine("cuda", "cpu"), True, "cuda", []),
        (machine("cuda", "cpu", broken=("tensorrt",)), True, "cuda", ["tensorrt"]),
        (machine("tensorrt", "cpu", broken=("cuda",)), True, "tensorrt", []),
    ],
)
def test_auto_names_the_backends_that_it_skips(
    missing: dict[str, Unavailable | None], gpu: bool, backend: str, skipped_backends: list[str]
) -> None:
    choice = choose("auto", None, ALL, missing, gpu=gpu)
    assert (choice.backend, [one.backend for one in choice.skipped_backends]) == (backend, skipped_backends)
    for one in choice.skipped_backends:
        lacks = missing[one.backend]
        assert lacks is not None
        assert one.reason == lacks.reason


def test_idle_gpu_is_named_even_where_no_precision_suits_it() -> None:
    choice = choose("auto", "int8-cpu", ALL, machine(*BACKENDS), gpu=True)
    assert [one.backend for one in choice.skipped_backends] == ["tensorrt", "tensorrt-ep", "rtx", "cuda"]
    assert "zero points" in choice.skipped_backends[0].reason


def test_named_backend_skips_nothing() -> None:
    assert choose("cpu", None, PC, machine("cpu", broken=("cuda",)), gpu=True).skipped_backends == ()


@pytest.mark.parametrize("name", [name for name in BACKENDS if name != "cpu"])
@pytest.mark.parametrize("lacks", [ABSENT, BROKEN])
def test_named_backend_that_is_missing_is_refused(name: str, lacks: Unavailable) -> None:
    with pytest.raises(BackendError, match=f"backend {name} cannot run here: {lacks.reason}") as caught:
        choose(name, None, ALL, {**machine(*BACKENDS), name: lacks})
    assert (caught.value.exit_code, caught.value.hint) == (5, lacks.hint)


@pytest.mark.parametrize("asked", ["cpu", "auto"])
def test_nothing_is_looked_up_that_the_choice_does_not_come_to(asked: str) -> None:
    looked_up = []

    class Watched(dict[str, "Unavailable | None"]):
        def __missing__(self, name: str) -> Unavailable | None:
            looked_up.append(name)
            return None if name in ("cuda", "cpu") else ABSENT

    choose(asked, None, ALL, Watched())
    assert looked_up == {"cpu": ["cpu"], "auto": ["tensorrt", "tensorrt-ep", "rtx", "cuda"]}[asked]


def test_cpu_is_never_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.import_module", None)
    assert unavailable("cpu") is None


@pytest.mark.parametrize(
    ("backend", "precision", "available", "error", "words", "hint"),
    [
        ("abacus", None, ["fp32"], UsageError, "backend 'abacus' is unknown", "choose from auto, tensorrt, "),
        ("", None, ["fp32"], UsageError, "backend '' is unknown", "choose from auto, tensorrt, "),
        ("auto", "fp8", ["fp32"], UsageError, "the bundle has no precision 'fp8'", "choose from fp32"),
        ("cpu", "int8-cpu", ["fp32", "fp16"], UsageError, "no precision 'int8-cpu'", "choose from fp32, fp16"),
        ("cpu", "int8-trt", ALL, BackendError, "int8-trt cannot run on backend cpu: .* slower", "runs on tensorrt, "),
        ("cpu", None, ["int8-trt"], BackendError, "int8-trt cannot run on backend cpu: ", "cpu runs int8-cpu"),
        (
            "tensorrt",
            "int8-cpu",
            ALL,
            BackendError,
            "on backend tensorrt: .* zero points",
            "int8-cpu runs on cpu, open",
        ),
        (
            "rtx",
            "int8-cpu",
            ALL,
            BackendError,
            "int8-cpu cannot run on backend rtx: .* zero points",
            "rtx runs int8-trt",
        ),
        (
            "cuda",
            None,
            ["int8-trt"],
            BackendError,
            "cannot run on backend cuda: .* no INT8 conv",
            "cuda runs fp16, fp32",
        ),
        ("openvino", "fp8", ["fp8"], BackendError, "openvino does not know fp8", "fp8 runs on no backend"),
        ("auto", None, ["fp8"], BackendError, "precisions .fp8. runs on this machine", "export the bundle"),
        (
            "auto",
            None,
            ["int8-trt"],
            BackendError,
            "none of the bundle's precisions .int8-trt. runs on this machine: tensorrt: it is not installed; ",
            "install it",
        ),
        ("auto", "int8-trt", ALL, BackendError, "int8-trt cannot run on this machine: ", "install it"),
    ],
)
def test_no_choice(
    backend: str, precision: str | None, available: list[str], error: type[Exception], words: str, hint: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        choose(backend, precision, available, machine("cpu"))
    assert hint in caught.value.hint


def test_every_backend_is_a_runner_that_can_say_what_it_lacks() -> None:
    for name, backend in BACKENDS.items():
        runner = getattr(importlib.import_module(backend.module), backend.runner)
        assert issubclass(runner, Runner)
        assert runner.backend == name
        lacks = runner.unavailable()
        assert lacks is None or (lacks.reason and lacks.hint), name


def test_backend_is_three_methods_and_an_entry_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """What CONTRIBUTING says of adding a backend."""

    class Halved(Runner):
        backend, library, install = "halved", "Halved", "pip install halved"

        def _open(self, network: Network, threads: int) -> None:  # noqa: ARG002
            self._scale = threads / 2

        def _infer(self, batch: np.ndarray) -> Outputs:
            return Outputs(
                np.full((len(batch), 2), self._scale, np.float32), np.zeros((len(batch), 1, 1, 1), np.float32)
            )

        def _close(self) -> None:
            del self._scale

    monkeypatch.setitem(sys.modules, "halved", SimpleNamespace(Halved=Halved))  # type: ignore[arg-type]
    monkeypatch.setitem(BACKENDS, "halved", table.Backend("halved", "Halved", ("fp32",), "halved", on_cpu=True))
    assert choose("halved", None, PC, Availability("halved"))[:2] == ("halved", "fp32")
    with open_runner("halved", Network(b"", "toy", "fp32", 32), threads=3) as runner:
        assert (runner.run(BATCH).logits == 1.5).all()
    with pytest.raises(RuntimeError, match="toy is closed"):
        runner.run(BATCH)


def test_every_mix_runs_or_has_a_reason() -> None:
    mixes = {(name, precision) for name in BACKENDS for precision in EVERY}
    assert mixes - {(name, p) for name, known in BACKENDS.items() for p in known.precisions} == set(REASONS)


def test_option_names_every_backend(capsys: pytest.CaptureFixture[str]) -> None:
    words = edge_run(capsys, "predict", "--help").out.replace("│", " ").split()
    assert set(BACKENDS) <= {word.strip(",.;") for word in words}


CHOICE = """
import json, sys
from edge_run.backends import BACKENDS, Availability, choose, unavailable
def heavy():
    return sorted({"cv2", "numpy", "onnxruntime", "openvino", "tensorrt"} & set(sys.modules))
choose("auto", None, ["fp32", "int8-cpu"], Availability("auto"))
chosen = heavy(), [name for name in BACKENDS if BACKENDS[name].module in sys.modules]
list(map(unavailable, BACKENDS))
print(json.dumps([*chosen, heavy()]))
"""


def test_choosing_loads_nothing_heavy_and_no_backend_that_is_not_installed() -> None:
    done = subprocess.run([sys.executable, "-c", CHOICE], capture_output=True, text=True, check=True, timeout=60)
    heavy, backends, heavy_of_all = json.loads(done.stdout)
    assert (heavy, heavy_of_all) == ([], [])
    assert backends == [name for name, b in BACKENDS.items() if not b.on_cpu and installed.locate(b.part)]


def test_auto_is_brief_about_what_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "locate", {}.get)
    assert choose("auto", None, PC, Availability("auto"), gpu=True).skipped_backends[0] == SkippedBackend(
        "tensorrt", "not installed"
    )


def test_documented_precisions_are_those_of_the_table() -> None:
    lines = (Path(__file__).parents[3] / "docs" / "devices.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]
    documented = [(row[0].strip("`"), tuple(row[2].split(", "))) for row in rows if row[0] != "`--backend`"]
    assert documented == [(name, backend.precisions) for name, backend in BACKENDS.items()]


# The runner


def test_runner_gives_logits_and_features() -> None:
    with opened(toy_model(3)) as runner:
        logits, features = runner.run(BATCH)
    assert (logits.shape, logits.dtype) == ((3, 2), np.float32)
    assert (features.shape, features.dtype) == ((3, WIDTH, 4, 4), np.float32)
    assert features.mean((2, 3)) @ head(3).T == pytest.approx(logits, abs=1e-5)


def test_batch_answers_as_each_scan_by_itself() -> None:
    with opened(toy_model()) as runner:
        together = runner.run(BATCH).logits
        alone = [runner.run(BATCH[n : n + 1]).logits[0] for n in range(3)]
    assert np.stack(alone) == pytest.approx(together, abs=1e-5)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((1, 32, 32), np.uint8),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 1, 32, 31), np.uint8),
        np.zeros((0, 1, 32, 32), np.uint8),
        np.zeros((1, 1, 32, 32), np.float32),
        np.uint8(0),
    ],
)
def test_other_batches_are_a_mistake_of_the_caller(batch: np.ndarray) -> None:
    with opened(toy_model()) as runner, pytest.raises(ValueError, match=r"toy.fp32 takes \[N, 1, 32, 32\] uint8, got"):
        runner.run(batch)


@pytest.mark.parametrize("bias", [np.nan, np.inf])
def test_answers_that_are_not_finite_are_refused(bias: float) -> None:
    with opened(toy_model(bias=bias)) as runner:
        with pytest.raises(BundleError, match=r"toy\.fp32 on cpu returns logits that are not finite") as caught:
            runner.run(BATCH)
        assert "edge-run verify" in caught.value.hint


def test_closed_runner_does_not_answer() -> None:
    with opened(toy_model()) as runner:
        pass
    with pytest.raises(RuntimeError, match=r"toy\.fp32 is closed"):
        runner.run(BATCH)
    runner.close()


# Models that are none


@pytest.mark.parametrize("model", [b"", b"no model", toy_model()[:500]])
def test_damaged_model_is_refused_quietly(model: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackendError, match=r"ONNX Runtime .* cannot load toy\.fp32"):
        opened(model)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("names", [{"scan_name": "image"}, {"logits_name": "answer"}])
def test_model_of_other_names_is_refused_when_it_runs(names: dict[str, str]) -> None:
    with opened(toy_model(**names)) as runner, pytest.raises(BackendError, match=r"toy\.fp32 fails in ONNX Runtime"):
        runner.run(BATCH)


@pytest.mark.parametrize("where", ["secret.bin", "../{name}/secret.bin", "{folder}/secret.bin"])
def test_model_cannot_read_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(WIDTH * 64 * 4))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match=r"toy\.fp32 keeps weights outside its file"):
        opened(toy_model(external=where.format(name=tmp_path.name, folder=tmp_path)))


def test_max_pool_behind_a_float_convolution_stays_in_float(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime would move QuantizeLinear before it, into a kernel that takes many times as long."""
    seen = tmp_path / "optimised.onnx"

    def kept(threads: int) -> ort.SessionOptions:
        options = session_options(threads)
        options.optimized_model_filepath = str(seen)
        return options

    monkeypatch.setattr("edge_run.backends.onnxruntime.cpu.session_options", kept)
    nodes = """
        x = Cast <to = 1> (scan)
        c = Conv <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (x, w)
        r = Relu (c)
        p = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (r)
        q = QuantizeLinear (p, scale, zero)
        features = DequantizeLinear (q, scale, zero)
        logits = ReduceMean <keepdims = 0> (features, axes)
    """
    ranks = "float[N, 16, 16, 16] features, float[N, 16] logits"
    model = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 20]> g (uint8[N, 1, 32, 32] scan) => ({ranks}) {{{nodes}}}'
    )
    values = {"w": np.ones((16, 1, 3, 3), np.float32), "scale": np.float32(0.1), "zero": np.uint8(0), "axes": [2, 3]}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in values.items())
    opened(model.SerializeToString()).close()
    order = [node.op_type for node in onnx.load(seen).graph.node]
    assert order.index("MaxPool") < order.index("QuantizeLinear")
