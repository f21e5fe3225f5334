"""``edge-run derive``, and what a command says when it has to derive a network first."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from toy import edge_run, png, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def derived(manifest: dict[str, Any]) -> None:
        for member in manifest["members"]:
            member["artefacts"]["fp32"] |= {"file": None, "derived_from": "int8-cpu"}

    return write_toy_bundle(tmp_path / "toy", members=2, mutate=derived)


def test_networks_are_derived_ahead(capsys: Capsys, bundle: Path) -> None:
    done = edge_run(capsys, "derive", bundle)
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()] == [["resnet18", "fp32"], ["googlenet", "fp32"]]
    assert len(list(bundle.with_name("toy.derived").glob("*.onnx"))) == 2
    again = edge_run(capsys, "derive", bundle, "--json")
    assert [one["precision"] for one in json.loads(again.out)["networks"]] == ["fp32", "fp32"]
    assert "deriving" not in again.err


def test_first_use_says_what_takes_long(capsys: Capsys, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "scan.png").write_bytes(png(scan()))
    command = ("predict", tmp_path / "scan.png", "--bundle", bundle, "--precision", "fp32", "--no-case-log")
    first, second = edge_run(capsys, *command), edge_run(capsys, *command)
    assert (first.code, second.code) == (0, 0)
    assert "deriving fp32 of resnet18 from int8-cpu, once for this device" in first.err
    assert "deriving" not in second.err


@pytest.mark.parametrize("precision", ["int8-cpu", "fp16", "int4"])
def test_what_a_bundle_does_not_derive_is_refused(capsys: Capsys, bundle: Path, precision: str) -> None:
    refused = edge_run(capsys, "derive", bundle, "--precision", precision)
    assert refused.code == 2
    assert f"toy derives no {precision}" in refused.err
    assert "choose from fp32" in refused.err
