from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run import __version__, doctor
from edge_run.machine import allowed_cores
from toy import edge_run

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGES = {"numpy", "opencv-python-headless", "onnxruntime", "typer", "msgspec"}
EXTRAS = {"train", "export", "explain", "dicom", "openvino", "serve", "tensorrt"}


@pytest.fixture
def only_installed(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def only(*modules: str) -> None:
        monkeypatch.setattr(doctor, "_installed", lambda module: module in modules)

    return only


def test_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    answered = edge_run(capsys, "doctor", "--json")
    found = json.loads(answered.out)
    assert (answered.code, answered.err) == (0, "")
    assert set(found) == {"version", "python", "system", "cpu", "cores", "int8", "backends", "packages", "extras"}
    assert found["version"] == __version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["cores"] == allowed_cores()
    assert found["backends"] == ["cpu"]
    assert set(found["packages"]) == PACKAGES
    assert set(found["extras"]) == EXTRAS


def test_packages_have_versions_or_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "RUNTIME", ("numpy", "no-such-package"))
    found = doctor.examine().packages
    assert found["numpy"][0].isdigit()
    assert found["no-such-package"] == "missing"


def test_extra_names_what_it_lacks(only_installed: Callable[..., None]) -> None:
    only_installed("torch", "torchvision", "onnx", "pydicom")
    found = doctor.examine().extras
    assert found["export"] == ("onnxscript",)
    assert found["dicom"] == ()


def test_int8_instructions_are_those_of_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "cpu_flags", lambda: frozenset({"avx2", "avx_vnni", "asimddp"}))
    assert doctor.examine().int8 == ("avx_vnni", "asimddp")


def test_text_says_how_to_get_an_extra(
    only_installed: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    only_installed("pydicom", "starlette")
    monkeypatch.setattr(doctor, "cpu_flags", frozenset)
    rows = dict(line.split(maxsplit=1) for line in edge_run(capsys, "doctor").out.splitlines())
    assert rows["edge-run"] == __version__
    assert rows["[dicom]"] == "installed"
    assert rows["[serve]"] == "needs uvicorn: pip install 'edge-run[serve]'"
    assert rows["int8"].startswith("no 8-bit product instructions")
