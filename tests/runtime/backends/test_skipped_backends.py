"""``auto`` goes on where a backend cannot be taken, and every answer says so; a backend that is named does not."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run import BackendError, Ensemble, backends
from edge_run.backends import Unavailable
from edge_run.backends import choice as _choice
from edge_run.ensemble import members as _members
from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from edge_run.backends import Network, Runner

    Capsys = pytest.CaptureFixture[str]

ABSENT = Unavailable("it is not installed", "install it", installed=False)
NO_GPU = Unavailable("this machine shows no NVIDIA GPU", "install the driver", installed=True)
real_open = backends.open_runner


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A GPU whose ``cuda`` lacks a library, and a broken ``rtx``; returns the backends that were tried."""
    tried: list[str] = []
    lacks = {"tensorrt": ABSENT, "tensorrt-ep": ABSENT, "rtx": NO_GPU, "openvino": ABSENT}

    def open_runner(backend: str, network: Network, *, threads: int) -> Runner:
        tried.append(backend)
        if backend == "cuda":
            raise BackendError("libcudnn.so.9 does not load", hint="install cuDNN")
        return real_open(backend, network, threads=threads)

    monkeypatch.setattr(backends.installed, "locate", lambda part: part)
    monkeypatch.setattr(_choice, "unavailable", lacks.get)
    monkeypatch.setattr(_members, "open_runner", open_runner)
    monkeypatch.setattr(_choice, "has_nvidia_gpu", lambda: False)
    return tried


def test_auto_goes_on_and_says_so(folder: Path, machine: list[str]) -> None:
    with Ensemble.load(folder) as loaded:
        prediction = loaded.predict(scan())
    assert (prediction.source.backend, prediction.source.precision) == ("cpu", "int8-cpu")
    assert [(one.backend, one.reason) for one in prediction.source.skipped_backends] == [
        ("rtx", "this machine shows no NVIDIA GPU"),
        ("cuda", "libcudnn.so.9 does not load"),
    ]
    assert set(machine) == {"cuda", "cpu"}


def test_idle_gpu_names_all_that_would_use_it(
    folder: Path, machine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not machine
    monkeypatch.setattr(_choice, "has_nvidia_gpu", lambda: True)
    with Ensemble.load(folder) as loaded:
        told = [one.backend for one in loaded.source.skipped_backends]
    assert told == ["tensorrt", "tensorrt-ep", "rtx", "cuda"]


@pytest.mark.parametrize(
    ("backend", "words", "hint"),
    [
        ("cuda", "libcudnn.so.9 does not load", "install cuDNN"),
        ("rtx", "backend rtx cannot run here: this machine shows no NVIDIA GPU", "install the driver"),
        ("tensorrt", "backend tensorrt cannot run here: it is not installed", "install it"),
    ],
)
def test_named_backend_never_falls_to_the_cpu(
    capsys: Capsys, folder: Path, machine: list[str], tmp_path: Path, backend: str, words: str, hint: str
) -> None:
    (tmp_path / "scan.png").write_bytes(png(scan()))
    answered = edge_run(capsys, "predict", tmp_path / "scan.png", "--bundle", folder, "--backend", backend)
    assert (answered.code, answered.out) == (5, "")
    assert f"error: {words}\n  hint: {hint}" in answered.err
    assert "cpu" not in machine


def test_cpu_that_fails_is_not_skipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(backend: str, network: Network, *, threads: int) -> Runner:
        raise BackendError(f"{backend} cannot load {network.name} with {threads}", hint="")

    monkeypatch.setattr(
        _choice, "unavailable", {"cuda": ABSENT, "tensorrt": ABSENT, "tensorrt-ep": ABSENT, "rtx": ABSENT}.get
    )
    monkeypatch.setattr(_members, "open_runner", fails)
    with pytest.raises(BackendError, match=r"^cpu cannot load"):
        Ensemble.load(folder)


def test_members_that_did_open_are_closed_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Runner] = []

    def half(backend: str, network: Network, *, threads: int) -> Runner:
        if network.name.startswith("googlenet"):
            raise BackendError("no", hint="")
        opened.append(real_open(backend, network, threads=threads))
        return opened[-1]

    monkeypatch.setattr(_members, "open_runner", half)
    with pytest.raises(BackendError, match="no"):
        Ensemble.load(folder, backend="cpu", threads=1)
    with pytest.raises(BackendError, match="no"):
        Ensemble.load(folder, backend="cpu", threads=2)
    assert opened
    for runner in opened:
        with pytest.raises(RuntimeError, match="is closed"):
            runner.run(np.zeros((1, 1, 32, 32), np.uint8))


# The command


@pytest.fixture
def command(folder: Path, tmp_path: Path, machine: list[str]) -> list[object]:
    assert not machine
    (tmp_path / "scan.png").write_bytes(png(scan()))
    return ["predict", tmp_path / "scan.png", "--bundle", folder]


EXPECTED = [
    {"backend": "rtx", "reason": "this machine shows no NVIDIA GPU"},
    {"backend": "cuda", "reason": "libcudnn.so.9 does not load"},
]


def test_every_form_carries_it(capsys: Capsys, command: list[object]) -> None:
    (record,) = json.loads(edge_run(capsys, *command, "--json").out)
    assert record["skipped_backends"] == EXPECTED
    assert json.loads(edge_run(capsys, *command, "--jsonl").out)["skipped_backends"] == EXPECTED
    (row,) = csv.DictReader(io.StringIO(edge_run(capsys, *command, "--csv").out))
    assert row["skipped_backends"] == "; ".join(f"{one['backend']}: {one['reason']}" for one in EXPECTED)


def test_text_says_it_in_one_line(capsys: Capsys, command: list[object]) -> None:
    answered = edge_run(capsys, *command)
    (line,) = [line for line in answered.out.splitlines() if "skipped backends" in line]
    assert line == "  skipped backends: rtx: this machine shows no NVIDIA GPU; cuda: libcudnn.so.9 does not load"
    assert answered.code == 0


@pytest.mark.usefixtures("machine")
def test_nothing_is_said_where_nothing_was(capsys: Capsys, command: list[object]) -> None:
    answered = edge_run(capsys, *command, "--backend", "cpu")
    assert "skipped backends" not in answered.out
