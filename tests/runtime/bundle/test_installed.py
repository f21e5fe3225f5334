"""A bundle can be a package that pip installs, and goes by its entry point's name then."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run import Bundle, BundleError, Ensemble
from edge_run.bundle.installed import BUILT_IN, InstalledBundle, find_bundle, installed_bundles
from toy import edge_run, scan, write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "hospital-bundles"
version = "1.2"

[project.entry-points."edge_run.bundles"]
ct-toy = "hospital_bundles.toy"

[tool.setuptools.packages.find]
include = ["hospital_bundles*"]

[tool.setuptools.package-data]
"*" = ["**/*"]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package with a toy bundle."""
    pytest.importorskip("setuptools", reason="builds the package")
    project = tmp_path_factory.mktemp("project")
    (project / "pyproject.toml").write_text(PROJECT)
    package = project / "hospital_bundles"
    write_toy_bundle(package / "toy", members=1)
    (package / "__init__.py").write_text("raise AssertionError('a bundle is data: its package is never imported')\n")
    site = tmp_path_factory.mktemp("site")
    options = ("--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "install", *options, "--target", site, project],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return site


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(site)
    return site / "hospital_bundles" / "toy"


def fake(site: Path, package: str, value: str) -> None:
    """Install a package that offers the bundle ``ct-toy``, by the files that pip would write."""
    info = site / f"{package}-3.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 3\n")
    (info / "entry_points.txt").write_text(f"[edge_run.bundles]\nct-toy = {value}\n")


def test_installed_bundle_answers_by_its_name(installed: Path) -> None:
    assert Bundle("ct-toy").path == installed
    with Ensemble.load("ct-toy") as ensemble:
        assert ensemble.predict(scan()).source.bundle == "toy"


def test_built_in_and_installed_bundles_are_listed(installed: Path) -> None:
    assert installed_bundles() == [
        InstalledBundle("ct-covid", BUILT_IN / "ct-covid"),
        InstalledBundle("ct-toy", installed, "hospital-bundles 1.2"),
    ]


@pytest.mark.usefixtures("installed")
def test_unknown_name_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    answered = edge_run(capsys, "predict", "x.png", "--bundle", "ct-lung")
    assert answered.code == 4
    assert "there is no bundle at ct-lung, and none is installed by this name" in answered.err
    assert "or one of: ct-covid, ct-toy\n" in answered.err


def test_path_comes_before_a_name(installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_bundle("ct-toy") == installed
    (tmp_path / "ct-toy").mkdir()
    assert find_bundle("ct-toy").resolve() == tmp_path / "ct-toy"


def test_nothing_is_written_beside_an_installed_bundle(installed: Path) -> None:
    folder = Bundle("ct-toy").engines
    assert folder is None or not folder.is_relative_to(installed.parents[1])


@pytest.mark.parametrize("value", ["nowhere", "hospital_bundles.gone", "json", "", "a/b:c"])
def test_entry_that_leads_nowhere_is_left_out(
    value: str, tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, "broken", value)
    monkeypatch.syspath_prepend(site)
    monkeypatch.syspath_prepend(tmp_path)
    assert [bundle.package for bundle in installed_bundles()] == ["", "hospital-bundles 1.2"]


@pytest.mark.usefixtures("installed")
def test_two_packages_of_one_name_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake(tmp_path, "other", "other_bundles")
    write_toy_bundle(tmp_path / "other_bundles", members=1)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(BundleError, match=r"hospital-bundles 1\.2 and other 3 both bring a bundle ct-toy"):
        Bundle("ct-toy")
