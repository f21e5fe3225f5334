from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run import __version__, doctor
from edge_run.backends import BACKENDS, Unavailable
from edge_run.machine.cores import allowed_cores
from toy import edge_run

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = {"numpy", "opencv-python-headless", "onnxruntime", "typer", "msgspec"}
EXTRAS = {"train", "export", "explain", "dicom", "openvino", "tensorrt", "serve", "node", "ray", "triton"}


@pytest.fixture
def only_installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def only(*modules: str) -> None:
        monkeypatch.setattr(doctor, "_installed", lambda module: module in modules)

    return only


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    answered = edge_run(capsys, "doctor", "--json")
    found = json.loads(answered.out)
    assert (answered.code, answered.err) == (0, "")
    assert set(found) == {
        "version", "python", "system", "cpu", "cores", "int8", "board", "l4t", "power_mode", "nvidia_driver",
        "backends", "packages", "broken", "extras",
    }  # fmt: skip
    assert found["version"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] == allowed_cores()
    assert list(found["backends"]) == list(BACKENDS)
    assert found["backends"]["cpu"] == {
        "ready": True, "reason": "", "hint": "", "precisions": ["int8-cpu", "fp32", "fp16"],
    }  # fmt: skip
    assert set(found["packages"]) == PACKAGES
    assert set(found["extras"]) == EXTRAS


def test_packages_have_versions_or_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "REQUIRED", ("numpy", "no-such-package"))
    found = doctor.examine().packages
    assert found["numpy"][0].isdigit()
    assert found["no-such-package"] == "missing"


def test_extra_names_what_it_lacks(only_installed: Callable[..., None]) -> None:
    only_installed("torch", "torchvision", "onnx", "pydicom", "gdcm")
    found = doctor.examine().extras
    assert found["export"] == ("onnxscript",)
    assert found["dicom"] == ()


def test_int8_instructions_are_those_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "cpu_flags", lambda: frozenset({"avx2", "avx_vnni", "asimddp"}))
    assert doctor.examine().int8 == ("avx_vnni", "asimddp")


def test_text_says_what_each_backend_lacks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lacks = {"cuda": Unavailable("no GPU", "buy one", installed=True)}
    monkeypatch.setattr(doctor, "unavailable", lacks.get)
    lines = [line for line in edge_run(capsys, "doctor").out.splitlines() if line.startswith("backend ")]
    told = {name: text for _, name, text in (line.split(maxsplit=2) for line in lines)}
    assert list(told) == list(BACKENDS)
    assert told["cuda"] == "no GPU: buy one"
    assert told["cpu"] == "ready: int8-cpu, fp32, fp16"


def test_text_of_a_jetson(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    jetson = {
        "board": "Jetson Orin",
        "l4t_release": "R36.4.7",
        "power_mode": "2 (MAXN_SUPER)",
        "nvidia_driver": "540.4",
    }
    for name, value in jetson.items():
        monkeypatch.setattr(doctor.accelerators, name, lambda value=value: value)
    rows = dict(line.split(maxsplit=1) for line in edge_run(capsys, "doctor").out.splitlines())
    assert [rows[what] for what in ("board", "l4t", "power", "driver")] == [*list(jetson.values())[:3], "NVIDIA 540.4"]


def test_text_leaves_out_what_is_not_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("board", "l4t_release", "power_mode", "nvidia_driver"):
        monkeypatch.setattr(doctor.accelerators, name, lambda: "")
    rows = dict(line.split(maxsplit=1) for line in edge_run(capsys, "doctor").out.splitlines())
    assert not {"board", "l4t", "power", "driver"} & set(rows)


def test_text_says_how_to_get_an_extra(
    only_installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only_installed("pydicom", "gdcm", "torch")
    monkeypatch.setattr(doctor, "cpu_flags", frozenset)
    rows = dict(line.split(maxsplit=1) for line in edge_run(capsys, "doctor").out.splitlines())
    assert rows["edge-run"] == __version__
    assert rows["[dicom]"] == "installed"
    assert rows["[explain]"] == "needs captum, skimage: pip install 'edge-run[explain]'"
    assert rows["int8"].startswith("no 8-bit product instructions")
