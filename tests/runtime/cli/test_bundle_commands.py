"""``edge-run info`` and ``edge-run bundles``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from edge_run import Bundle
from edge_run.bundle import installed
from toy import edge_run, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

    Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_bundle(tmp_path_factory.mktemp("bundle") / "toy", members=2)


def test_info_has_what_decides_on_a_use(capsys: Capsys, bundle: Path) -> None:
    record = json.loads(edge_run(capsys, "info", bundle, "--json").out)
    opened = Bundle(bundle)
    assert (record["name"], record["sha256"]) == ("toy", opened.sha256)
    assert [(m["id"], m["weight"]) for m in record["members"]] == [("resnet18", 2 / 3), ("googlenet", 1 / 3)]
    size = opened.manifest.members[0].artefacts["fp32"].file.bytes
    assert record["members"][0]["bytes"] == {"fp32": size, "int8-cpu": size}
    assert record["evaluation"]["fp32"]["figures"]["accuracy"] == {"value": 1.0, "low": 0.9, "high": 1.0}
    assert record["limits"] == ["It knows nothing."]
    assert record["licence"] == "CC0-1.0"


def test_info_for_a_person(capsys: Capsys, bundle: Path) -> None:
    text = edge_run(capsys, "info", bundle).out
    for words in (
        "CT: covid, non_covid; positive class covid, operating point 0.500",
        "resnet18      0.67",
        "accuracy             1.000   0.900 to 1.000",
        "auroc                not available",
        "- It knows nothing.",
        "CC0-1.0",
    ):
        assert words in text


def test_info_reads_no_network(capsys: Capsys, tmp_path: Path) -> None:
    folder = write_toy_bundle(tmp_path / "toy", members=1)
    (folder / "models/resnet18.fp32.onnx").unlink()
    assert edge_run(capsys, "info", folder).code == 0


def test_bundles_are_listed(capsys: Capsys) -> None:
    (record,) = json.loads(edge_run(capsys, "bundles", "--json").out)
    assert record["name"] == "ct-covid"
    assert record["labels"] == ["covid", "non_covid"]
    answered = edge_run(capsys, "bundles")
    assert answered.out.startswith("ct-covid   CT: covid, non_covid   ")


def test_damaged_bundle_hides_no_other(
    capsys: Capsys, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "bundle.json").write_text("{}")
    (tmp_path / "toy").symlink_to(bundle)
    monkeypatch.setattr(installed, "BUILT_IN", tmp_path)
    broken, toy = json.loads(edge_run(capsys, "bundles", "--json").out)
    assert broken["error"]["kind"] == "BundleError"
    assert toy["summary"] == "Toys."
    assert "error: " in edge_run(capsys, "bundles").out
