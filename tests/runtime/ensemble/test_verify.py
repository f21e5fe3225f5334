from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from edge_run import BackendError, BundleError, UsageError, backends
from edge_run.backends import Unavailable
from edge_run.bundle.bundle import Bundle
from edge_run.ensemble.verify import ReferenceCheck, not_replayed, verify
from toy import edge_run, npy, png, replace_file, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)


@pytest.fixture
def cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without the optional backends."""
    absent = Unavailable("it is not here", "get it", installed=False)
    monkeypatch.setattr(backends.choice, "unavailable", lambda name: None if name == "cpu" else absent)


def shifted(by: float) -> Any:
    def mutate(plain: dict[str, Any]) -> None:
        plain["members"][1]["artefacts"]["fp32"]["reference_logits"][2][0] += by

    return mutate


def test_sound_bundle_passes_every_check(sound: Path) -> None:
    checks = verify(Bundle(sound))
    assert [check.name for check in checks] == [
        "preprocessing",
        "resnet18.fp32", "googlenet.fp32",
        "resnet18.int8-cpu", "googlenet.int8-cpu",
    ]  # fmt: skip
    assert all(check.passed for check in checks)
    assert [check.tolerance for check in checks] == [1, 1e-3, 1e-3, 1e-3, 1e-3]


def test_shifted_answers_fail_at_their_network_alone(tmp_path: Path) -> None:
    checks = verify(Bundle(write_toy_bundle(tmp_path / "toy", members=2, mutate=shifted(0.01))))
    (failed,) = [check for check in checks if not check.passed]
    assert failed.name == "googlenet.fp32"
    assert failed.difference == pytest.approx(0.01, abs=1e-4)


def test_difference_within_the_tolerance_passes(tmp_path: Path) -> None:
    checks = verify(Bundle(write_toy_bundle(tmp_path / "toy", members=2, mutate=shifted(0.0005))))
    assert all(check.passed for check in checks)
    assert max(check.difference for check in checks) == pytest.approx(0.0005, abs=1e-4)


def test_label_that_differs_fails_whatever_the_tolerance() -> None:
    assert ReferenceCheck("resnet18.fp32", 0.1, 0.2, flips=0).passed
    assert not ReferenceCheck("resnet18.fp32", 0.1, 0.2, flips=1).passed
    assert not ReferenceCheck("resnet18.fp32", 0.3, 0.2, flips=0).passed


def turned(plain: dict[str, Any], lead: float) -> None:
    """Give a reference scan the other label by a lead, in margins of its answer, with a tolerance of 1.7 of them."""
    logits = plain["members"][0]["artefacts"]["fp32"]["reference_logits"][1]
    margin = max(logits) - min(logits)
    plain["reference"]["tolerance"]["fp32"] = 1.7 * margin
    higher = logits[0] > logits[1]
    shift = (1 + lead) / 2 * margin * (1 if higher else -1)
    plain["members"][0]["artefacts"]["fp32"]["reference_logits"][1] = [logits[0] - shift, logits[1] + shift]


@pytest.mark.parametrize(("lead", "flips"), [(2.0, 1), (1.5, 0)])
def test_label_that_differs_is_counted_where_its_lead_is_clear(tmp_path: Path, lead: float, flips: int) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2, mutate=lambda plain: turned(plain, lead))
    (check,) = [check for check in verify(Bundle(folder)) if check.name == "resnet18.fp32"]
    assert (check.flips, check.passed) == (flips, flips == 0)
    assert check.difference <= check.tolerance


def test_another_way_of_preprocessing_fails(tmp_path: Path) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        plain["preprocess"]["shrink"] = "INTER_LINEAR"

    first = verify(Bundle(write_toy_bundle(tmp_path / "toy", members=1, mutate=mutate)))[0]
    assert (first.name, first.passed) == ("preprocessing", False)


@pytest.mark.usefixtures("cpu_alone")
def test_every_file_is_checked_even_those_of_no_use_here(tmp_path: Path) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        for member in plain["members"]:
            member["artefacts"] = {"fp32": member["artefacts"]["fp32"], "int8-trt": member["artefacts"]["int8-cpu"]}
        for table in (plain["reference"]["tolerance"], plain["flags"], plain["profile"]):
            table["int8-trt"] = table["int8-cpu"]

    folder = write_toy_bundle(tmp_path / "toy", members=1, mutate=mutate)
    assert [check.name for check in verify(Bundle(folder))] == ["preprocessing", "resnet18.fp32"]
    assert list(not_replayed(Bundle(folder))) == ["int8-trt"]
    for name in ("models/resnet18.int8-cpu.onnx", "models/resnet18.head.npy", "reference/scans.npy"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[:-1] + b"?")
        with pytest.raises(BundleError, match=f"{name} of .* is not the file"):
            verify(Bundle(folder))
        (folder / name).write_bytes(data)


def test_unknown_backend_is_not_skipped_backends(sound: Path) -> None:
    with pytest.raises(UsageError, match="backend 'abacus' is unknown"):
        verify(Bundle(sound), backend="abacus")


@pytest.mark.usefixtures("cpu_alone")
def test_bundle_that_cannot_run_here_is_not_skipped_backends(tmp_path: Path) -> None:
    def mutate(plain: dict[str, Any]) -> None:
        for member in plain["members"]:
            member["artefacts"] = {"int8-trt": member["artefacts"]["fp32"]}
        for table in (plain["reference"]["tolerance"], plain["flags"], plain["profile"]):
            table["int8-trt"] = table["int8-cpu"]

    with pytest.raises(BackendError, match=r"precisions \(int8-trt\) runs on this machine: .*it is not here"):
        verify(Bundle(write_toy_bundle(tmp_path / "toy", members=1, mutate=mutate)))


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("reference/scans.npy", npy(np.zeros((2, 1, 32, 32), np.uint8)), r"reference scans are \[2, 1, 32, 32\] uint8"),
        ("reference/scans.npy", npy(np.zeros((3, 32, 32), np.uint8)), r"reference scans are \[3, 32, 32\] uint8"),
        ("reference/scans.npy", npy(np.zeros((3, 1, 32, 32))), r"reference scans are \[3, 1, 32, 32\] float64"),
        ("reference/scan.png", b"no image", "the reference image cannot be read"),
        ("reference/scan.png", png(scan(0))[:-20], "the reference image cannot be read"),
    ],
)
def test_reference_that_is_none(tmp_path: Path, name: str, data: bytes, words: str) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=1)
    replace_file(folder, name, data)
    with pytest.raises(BundleError, match=words):
        verify(Bundle(folder))


# The command


def test_command_passes(sound: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answered = edge_run(capsys, "verify", sound, "--threads", 1)
    assert (answered.code, answered.err) == (0, "")
    lines = answered.out.splitlines()
    assert len(lines) == 5
    assert all(line.startswith("ok ") and "(accepted: " in line for line in lines)


def test_command_fails_with_6_and_names_the_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2, mutate=shifted(5))
    answered = edge_run(capsys, "verify", folder)
    assert answered.code == 6
    assert "error: this machine does not answer as recorded: googlenet.fp32\n" in answered.err
    assert "hint: edge-run doctor" in answered.err
    (failed,) = [line for line in answered.out.splitlines() if line.startswith("FAIL")]
    assert "googlenet.fp32" in failed


def test_command_in_json_still_fails_with_6(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=2, mutate=shifted(5))
    answered = edge_run(capsys, "verify", folder, "--json")
    found = json.loads(answered.out)
    assert (answered.code, found["passed"], found["bundle"]) == (6, False, "toy")
    assert found["sha256"] == Bundle(folder).sha256
    assert {"name", "difference", "tolerance", "flips", "backend", "passed"} == set(found["checks"][0])
    assert [check["backend"] for check in found["checks"]] == ["", "cpu", "cpu", "cpu", "cpu"]
    assert found["not_replayed"] == {}
    assert [check["name"] for check in found["checks"] if not check["passed"]] == ["googlenet.fp32"]
