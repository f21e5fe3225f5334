"""The user's folders, also where there is no user."""

from pathlib import Path

import pytest

from edge_run._files import cache_folder, data_folder, make_folder


def nobody():
    raise RuntimeError("Could not determine home directory.")


def test_folders_follow_the_specification(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/ones/are/ignored")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    assert data_folder() == tmp_path / "edge-run"
    assert cache_folder() == tmp_path / "home" / ".cache" / "edge-run"


def test_user_without_a_home_has_none(monkeypatch):
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert (data_folder(), cache_folder()) == (None, None)


def test_folder_below_a_file_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="exists"):
        make_folder(tmp_path / "file" / "below")


def test_folder_below_a_deleted_one_cannot_be_made(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError):
        make_folder(Path("below"))
