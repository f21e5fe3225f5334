"""What the tests of the explanations share."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from samples.dataset import write_dataset
from striped_square import (
    ARCHS,
    SIZE,
    TEMPERATURES,
    WEIGHTS,
    Planted,
    background_scan,
    head,
    toy_member,
    toy_onnx,
    with_square,
)
from toy import npy, replace_file, write_toy_bundle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from edge_train import TrainConfig


@pytest.fixture(scope="session")
def planted(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:  # noqa: ARG001
    """Two members that see the stripes. Tests must not change them."""
    from edge_explain import Original, Originals
    from edge_run import Ensemble

    folder = write_toy_bundle(tmp_path_factory.mktemp("planted") / "toy", size=SIZE, members=2)
    for seed, arch in enumerate(ARCHS):
        replace_file(folder, f"models/{arch}.fp32.onnx", toy_onnx(seed))
        replace_file(folder, f"models/{arch}.head.npy", npy(head()))
    originals = Originals(
        [
            Original(arch, str(seed) * 64, WEIGHTS[seed], TEMPERATURES[seed], lambda seed=seed: toy_member(seed))
            for seed, arch in enumerate(ARCHS)
        ]
    )
    without = background_scan(0)
    with Ensemble.load(folder, precision="fp32", backend="cpu", threads=1) as ensemble:
        yield Planted(with_square(without), without, ensemble, originals)


class Real(NamedTuple):
    """A run of one untrained ResNet-18, its scans, and a bundle that names its weights. Tests must not change them."""

    data: Path
    run: Path
    bundle: Path


@pytest.fixture(scope="session")
def real(
    one_thread: None,  # noqa: ARG001 - only its effect
    tiny_config: Callable[..., TrainConfig],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Real]:
    """What `edge-run explain` is given. The compiled network is a toy: compiling the real one takes too long."""
    import torch
    from safetensors.torch import save_file

    from edge_run._files import sha256_file
    from edge_run.scan.preprocessing import PreprocessSpec
    from edge_train.data.dataset import read_folders
    from edge_train.networks.member import Member

    folder = tmp_path_factory.mktemp("real")
    data = write_dataset(folder / "phantoms", per_split={"train": 6, "val": 2}, size=64)
    weights = folder / "run" / "members" / "resnet18" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    torch.manual_seed(0)
    save_file(Member("resnet18", 2).net.state_dict(), weights)
    sha256 = sha256_file(weights)
    dataset = read_folders([data])
    config = tiny_config(preprocess=PreprocessSpec(size=SIZE))
    write_records(folder / "run", config, dataset.labels, dataset.fingerprint, sha256)
    bundle = write_toy_bundle(
        folder / "toy", size=SIZE, members=1, mutate=lambda m: m["provenance"].update(weights={"resnet18": sha256})
    )
    for precision in ("fp32", "int8-cpu"):
        replace_file(bundle, f"models/resnet18.{precision}.onnx", toy_onnx(0, cell=32))
    replace_file(bundle, "models/resnet18.head.npy", npy(head()))
    yield Real(data, folder / "run", bundle)
    shutil.rmtree(folder)


def write_records(folder: Path, config: TrainConfig, labels: tuple[str, ...], fingerprint: str, sha256: str) -> None:
    from edge_train.run import SCHEMA_VERSION, DataRecord, EnsembleRecord, MemberRecord, RunRecord, Voter, write

    member = MemberRecord("resnet18", "resnet18", 0.449, 0.226, sha256, "0" * 64, 0)
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        created="2026-01-01T00:00:00+00:00",
        command="edge-run train",
        labels=labels,
        positive=labels[0],
        config=config,
        data=DataRecord(("phantoms",), fingerprint, "splits.csv", {}),
        source=None,
        members=(member,),
        versions={},
        arithmetic="float32",
        threads=1,
    )
    write(folder / "run.json", record)
    ensemble = EnsembleRecord("val", 0.01, "0.5", 0.5, members=(Voter("resnet18", 1.0, 1.0),))
    write(folder / "ensemble.json", ensemble)
