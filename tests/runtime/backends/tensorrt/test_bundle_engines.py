"""Where a bundle's engines are kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge_run import Bundle
from toy import write_toy_bundle

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    return write_toy_bundle(tmp_path / "lab" / "toy.v1", members=1, zip=True).with_name("toy.v1")


def test_engines_lie_beside_a_folder_and_beside_its_zip(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = toy.with_name("toy.v1.engines")
    assert Bundle(toy).engines == beside
    assert Bundle(toy.with_name("toy.v1.zip")).engines == beside
    monkeypatch.chdir(toy)
    assert Bundle(".").engines == beside
    assert not beside.exists()


def test_built_in_bundle_has_them_in_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = Bundle("ct-covid")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert bundle.engines == tmp_path / "edge-run" / "engines" / bundle.sha256[:16]
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert bundle.engines == tmp_path / "home" / ".cache" / "edge-run" / "engines" / bundle.sha256[:16]


@pytest.mark.parametrize(
    ("present", "rights", "beside"),
    [
        (False, os.R_OK | os.X_OK, False),
        (True, os.R_OK | os.X_OK, True),
        (True, 0, False),
    ],
    ids=["nothing there, read-only", "compiled there, read-only", "compiled there by another user"],
)
def test_place_that_may_not_be_used_gives_way_to_the_users_cache(
    toy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: bool, rights: int, beside: bool
) -> None:
    folder = toy.with_name("toy.v1.engines")
    if present:
        folder.mkdir()
    bundle = Bundle(toy)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    # Root may do everything, and tests may run as root.
    def access(path: Path, asked: int) -> bool:
        return path.exists() if asked == os.F_OK else path.exists() and not asked & ~rights

    monkeypatch.setattr(os, "access", access)
    assert (bundle.engines == folder) == beside
    assert bundle.engines.is_relative_to(tmp_path)
