from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run import BackendError, UsageError
from edge_run.backends import BACKENDS, choose, open_runner
from edge_run.runner import Network
from toy import WIDTH, head, toy_model

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.runner import Runner

BATCH = np.random.default_rng(0).integers(0, 256, (3, 1, 32, 32), dtype=np.uint8)


def opened(model: bytes, threads: int = 1) -> Runner:
    return open_runner("cpu", Network(model, "toy.fp32", "fp32", 32), threads=threads)


# The choice


@pytest.mark.parametrize(
    ("backend", "precision", "available", "chosen"),
    [
        ("auto", None, ["fp32", "int8-cpu"], ("cpu", "int8-cpu")),
        ("auto", None, ["int8-cpu", "fp32"], ("cpu", "int8-cpu")),
        ("auto", None, ["fp16", "fp32"], ("cpu", "fp32")),
        ("auto", None, ["int8-trt", "fp16"], ("cpu", "fp16")),
        ("cpu", None, ["fp32", "int8-cpu"], ("cpu", "int8-cpu")),
        ("auto", "fp32", ["fp32", "int8-cpu"], ("cpu", "fp32")),
        ("cpu", "fp32", ["fp32", "int8-cpu"], ("cpu", "fp32")),
    ],
)
def test_choice(backend: str, precision: str | None, available: list[str], chosen: tuple[str, str]) -> None:
    assert choose(backend, precision, available) == chosen


@pytest.mark.parametrize(
    ("backend", "precision", "available", "error", "words", "mend"),
    [
        ("abacus", None, ["fp32"], UsageError, "backend 'abacus' is unknown", "choose from auto, cpu"),
        ("", None, ["fp32"], UsageError, "backend '' is unknown", "choose from auto, cpu"),
        ("auto", "fp8", ["fp32"], UsageError, "the bundle has no precision 'fp8'", "choose from fp32"),
        ("cpu", "int8-cpu", ["fp32", "fp16"], UsageError, "no precision 'int8-cpu'", "choose from fp32, fp16"),
        ("cpu", "int8-trt", ["int8-trt"], BackendError, "int8-trt cannot run on backend cpu", "cpu runs int8-cpu"),
        (
            "auto",
            None,
            ["int8-trt"],
            BackendError,
            "none of the bundle's precisions .int8-trt. runs on backend auto",
            "cpu runs",
        ),
    ],
)
def test_no_choice(
    backend: str, precision: str | None, available: list[str], error: type[Exception], words: str, mend: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        choose(backend, precision, available)
    assert mend in caught.value.mend


def test_every_backend_is_a_module_with_precisions() -> None:
    for backend in BACKENDS.values():
        assert backend.module.startswith("edge_run.backends.")
        assert backend.precisions


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
        with pytest.raises(BackendError, match=r"toy\.fp32 on cpu answered with numbers that are not finite") as caught:
            runner.run(BATCH)
        assert "edge-run verify" in caught.value.mend


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
    with pytest.raises(BackendError, match=r"cannot load toy\.fp32"):
        opened(toy_model(external=where.format(name=tmp_path.name, folder=tmp_path)))
