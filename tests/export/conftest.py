"""One small run, exported once, that the tests of the export look at."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from samples.dataset import write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_export import ExportReport
    from edge_run.bundle.manifest import Manifest
    from edge_train import Run, TrainConfig

CPU = {"accelerator": "cpu", "devices": 1}
SIZE = 64
CALIBRATION_SCANS = 10
# A network that was hardly trained decides by a hair, and eight scans are too few for shares.
ANYTHING = dict.fromkeys(("logit", "probability", "flips", "accuracy", "sensitivity", "auroc"), 100.0)


class Exported(NamedTuple):
    """A run of two networks, its scans, and the bundle made of it. Tests must not write into any of them."""

    data: Path
    run: Run
    out: Path
    manifest: Manifest
    report: ExportReport
    talk: list[str]
    logging_before: tuple[object, ...]
    logging_after: tuple[object, ...]
    tolerances: dict[str, float]


def logging_state() -> tuple[object, ...]:
    loggers = [logging.getLogger(), logging.getLogger("torch.onnx")]
    return tuple((logger.level, tuple(logger.handlers), tuple(logger.filters)) for logger in loggers)


@pytest.fixture(scope="session")
def exported(
    one_thread: None,  # noqa: ARG001 - only its effect
    tiny_config: Callable[..., TrainConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Exported]:
    """ResNet-18 and GoogLeNet, one epoch on 24 phantoms of 64 pixels, at every precision."""
    from edge_export import Reporter, export
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_train import train

    folder = tmp_path_factory.mktemp("exported")
    data = write_dataset(folder / "phantoms", per_split={"train": 12, "val": 4}, size=96)
    config = tiny_config(members=("resnet18", "googlenet"), epochs=1, preprocess=PreprocessSpec(size=SIZE))
    run = train([data], folder / "run", config, hardware=CPU, operating_point="0.5", accept_weak_vote=True)
    talk: list[str] = []
    out = folder / "made" / "phantom-ct"
    reports: list[ExportReport] = []
    before = logging_state()
    manifest = export(
        run.folder,
        [data],
        out,
        calibration_scans=CALIBRATION_SCANS,
        tolerances=ANYTHING,
        command="edge-run export",
        reporter=Reporter(talk.append),
        reported=reports.append,
    )
    yield Exported(data, run, out, manifest, reports[0], talk, before, logging_state(), ANYTHING)
    shutil.rmtree(folder)


@pytest.fixture
def compiled_before(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take FP32 graphs from the bundle made before, since tracing them is what takes long."""

    def copy(member: Any, path: Path, size: int) -> None:
        assert size == SIZE
        shutil.copyfile(exported.out / "models" / f"{member.arch}.fp32.onnx", path)

    monkeypatch.setattr("edge_export.gate.trained_member.to_onnx", copy)
