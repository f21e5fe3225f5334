"""Small trainings that several tests share. PyTorch is imported only where a fixture needs it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from samples.dataset import write_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_train import Member, Run, TrainConfig
    from edge_train.data.prepared import Labelled

CPU = {"accelerator": "cpu", "devices": 1}


class Finished(NamedTuple):
    """An unbroken training and what it was started with."""

    data: Path
    config: TrainConfig
    run: Run


@pytest.fixture(scope="session", autouse=True)
def users_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A data folder of the tests' own, for every process they start: the user's case log is none of theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.delenv("EDGE_RUN_CASE_LOG", raising=False)
        yield


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """``tmp_path``, emptied afterwards: a training leaves hundreds of megabytes."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """One PyTorch thread: their number changes sums in the last bit, and small networks are slower on more."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tiny_config() -> Callable[..., TrainConfig]:
    """Settings of a training of a second or two; keywords change them."""
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_train import TrainConfig, default_members

    def config(**changes: Any) -> TrainConfig:
        settings: dict[str, Any] = {
            "members": ("resnet18",),
            "init": "none",
            "epochs": 2,
            "source_epochs": 1,
            "batch_size": 4,
            "precision": "32-true",
            "preprocess": PreprocessSpec(size=32),
        }
        settings |= changes
        settings["members"] = default_members(*settings["members"])
        return TrainConfig(**settings)

    return config


@pytest.fixture(scope="session")
def toy_scans() -> Callable[..., Labelled]:
    """Noise that is brighter the higher its class, ``[count, 32, 32] uint8``."""
    from edge_train.data.prepared import Labelled

    def scans(count: int = 8, *, seed: int = 0, targets: list[int] | None = None) -> Labelled:
        labels = np.array(targets if targets is not None else np.arange(count) % 2, np.int64)
        noise = np.random.default_rng(seed).integers(0, 160, (len(labels), 32, 32))
        return Labelled((noise + 40 * labels[:, None, None]).astype(np.uint8), labels)

    return scans


@pytest.fixture
def tiny_fit(
    one_thread: None,  # noqa: ARG001 - only its effect
    toy_scans: Callable[..., Labelled],
) -> Callable[..., tuple[Member, list[dict[str, float]]]]:
    """Fine-tune a fresh member on eight scans of noise; its best epoch and the history come back."""
    import torch

    from edge_train import Member
    from edge_train.fit.fit import fit

    def train_one(config: TrainConfig, folder: Path, *, resume: bool = False) -> tuple[Member, Any]:
        torch.manual_seed(config.seed)
        member = Member(config.members[0].arch, 2)
        train, val = toy_scans(8), toy_scans(4, seed=1)
        history = fit(member, train, val, config, folder, epochs=config.epochs, resume=resume, hardware=CPU)
        return member, history

    return train_one


@pytest.fixture(scope="session")
def finished(
    one_thread: None,  # noqa: ARG001 - only its effect
    tiny_config: Callable[..., TrainConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Finished]:
    """Three epochs of ResNet-18 on 24 phantoms, never interrupted. Tests must not write into it."""
    from edge_train import train

    folder = tmp_path_factory.mktemp("finished")
    data = write_dataset(folder / "phantoms", per_split={"train": 12, "val": 4}, size=64)
    config = tiny_config(epochs=3)
    yield Finished(data, config, train([data], folder / "run", config, hardware=CPU, accept_weak_vote=True))
    shutil.rmtree(folder)
