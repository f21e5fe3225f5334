from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run import BackendError, BundleError, Ensemble
from edge_run.backends import Network, open_runner, table
from edge_run.backends.openvino import OpenVinoRunner
from edge_run.machine.processor import cpu_flags
from tensorrt_models import convolution_model
from toy import WIDTH, toy_model, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends import Runner

pytest.importorskip("openvino")

BATCH = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)


def opened(model: bytes, backend: str = "openvino") -> Runner:
    return open_runner(backend, Network(model, "toy.fp32", "fp32", 32), threads=1)


def test_answers_are_those_of_onnx_runtime() -> None:
    with opened(toy_model(3)) as openvino, opened(toy_model(3), "cpu") as reference:
        found, expected = openvino.run(BATCH), reference.run(BATCH)
    assert (found.logits.dtype, found.features.dtype) == (np.float32, np.float32)
    assert found.logits == pytest.approx(expected.logits, abs=1e-5)
    assert found.features == pytest.approx(expected.features, abs=1e-5)


def computed_in(precision: str) -> set[str]:
    """The types that the convolutions and products of a network are computed in, as OpenVINO says."""
    network = Network(convolution_model(precision.replace("bf16", "fp32")), "toy", precision, 32)
    with open_runner("openvino", network, threads=1) as runner:
        assert isinstance(runner, OpenVinoRunner)
        assert np.isfinite(runner.run(BATCH).logits).all()
        layers = [op.get_rt_info() for op in runner._compiled.get_runtime_model().get_ops()]
    heavy = [layer for layer in layers if str(layer["layerType"].astype(str)) in ("Convolution", "FullyConnected")]
    assert heavy
    return {str(layer["runtimePrecision"].astype(str)) for layer in heavy}


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_float_precisions_are_computed_in_fp32(precision: str) -> None:
    """OpenVINO's default is bfloat16 where the processor has it; bench names what fp16 is computed in."""
    assert computed_in(precision) == {"f32"}
    assert (table.computed_in("openvino", precision) or precision) == "fp32"


@pytest.mark.skipif("avx512_bf16" not in cpu_flags(), reason="this processor has no bfloat16")
def test_bf16_is_computed_in_bf16() -> None:
    assert computed_in("bf16") == {"bf16"}


def test_bf16_is_refused_where_the_processor_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    import openvino

    monkeypatch.setattr(openvino.Core, "get_property", lambda *_: ["FP32", "INT8"])
    with pytest.raises(BackendError, match="this processor has no bfloat16 instructions"):
        open_runner("openvino", Network(toy_model(), "toy", "bf16", 32), threads=1)


def test_answers_are_kept_when_the_next_is_given() -> None:
    with opened(toy_model()) as runner:
        first = runner.run(BATCH[:1])
        kept = first.logits.copy()
        runner.run(BATCH[1:2])
    assert (first.logits == kept).all()


def test_many_callers_at_once_get_their_own_answers() -> None:
    batches = [np.repeat(BATCH[n : n + 1], 100, axis=0) for n in range(3)]
    with opened(toy_model()) as runner, ThreadPoolExecutor(4) as callers:
        alone = [runner.run(batch).logits for batch in batches]
        together = list(callers.map(lambda n: runner.run(batches[n % 3]).logits, range(60)))
    assert all((found == alone[n % 3]).all() for n, found in enumerate(together))


def test_closed_runner_does_not_answer() -> None:
    runner = opened(toy_model())
    runner.close()
    with pytest.raises(RuntimeError, match=r"toy\.fp32 is closed"):
        runner.run(BATCH)


@pytest.mark.parametrize("model", [b"", b"no model", toy_model()[:500]])
def test_damaged_model_is_refused_in_one_line(model: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackendError, match=r"^OpenVINO cannot load toy\.fp32: [^\n]+\nhint: "):
        opened(model)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("names", [{"scan_name": "image"}, {"logits_name": "answer"}])
def test_model_of_other_names_is_refused_when_it_runs(names: dict[str, str]) -> None:
    with opened(toy_model(**names)) as runner, pytest.raises(BackendError, match=r"toy\.fp32 fails in OpenVINO"):
        runner.run(BATCH)


@pytest.mark.parametrize("where", ["secret.bin", "../{name}/secret.bin", "{folder}/secret.bin"])
def test_model_cannot_read_files_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(WIDTH * 64 * 4))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BundleError, match="keeps weights outside its file"):
        opened(toy_model(external=where.format(name=tmp_path.name, folder=tmp_path)))


def test_ensemble_votes_alike(tmp_path: Path) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2)
    with Ensemble.load(folder, backend="openvino") as openvino, Ensemble.load(folder, backend="cpu") as cpu:
        assert openvino.source.backend == "openvino"
        assert openvino.probabilities(BATCH) == pytest.approx(cpu.probabilities(BATCH), abs=1e-5)


ALONE = """
import sys
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
from edge_run.backends import Network, open_runner, table
open_runner("openvino", Network(sys.stdin.buffer.read(), "toy", "fp32", 32), threads=1)
print(opened)
"""


def test_no_socket_is_opened() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ALONE], input=toy_model(), capture_output=True, check=True, timeout=120
    )
    assert done.stdout == b"[]\n"
