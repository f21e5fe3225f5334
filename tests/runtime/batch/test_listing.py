"""Lists: made once, found again while nothing changes, and read from files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from edge_run._files import sha256
from edge_run.batch import listing
from edge_run.batch.listing import make_list, read_list
from edge_run.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png", "copy.png"):
        (folder / name).write_bytes(b"same" if name != "b.png" else b"other")
    return folder


def test_content_is_hashed_and_names_are_absolute(scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entries = list(read_list(make_list(["scans"], tmp_path / "out")))
    assert [entry.path for entry in entries] == [str(scans / name) for name in ("a.png", "b.png", "copy.png")]
    assert [entry.sha256 for entry in entries] == [sha256(b"same"), sha256(b"other"), sha256(b"same")]


def test_nothing_is_hashed_again_until_a_file_changes(
    scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_list([str(scans)], tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(listing, "load", lambda _path: pytest.fail("it was read again"))
        assert make_list([str(scans / "a.png"), str(scans)], tmp_path / "out") == first
    (scans / "b.png").write_bytes(b"new!!")
    os.utime(scans / "b.png", ns=(1, 1))
    second = make_list([str(scans)], tmp_path / "out")
    assert second != first
    assert next(entry for entry in read_list(second) if entry.path.endswith("b.png")).sha256 == sha256(b"new!!")


def test_lists_of_paths_and_of_entries_are_read(scans: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text(f"{scans / 'a.png'}\n\n  {scans / 'b.png'}  \n")
    made = make_list([str(names)], tmp_path / "one")
    (made,) = [made]
    assert [entry.sha256 for entry in read_list(made)] == [sha256(b"same"), sha256(b"other")]
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(made.read_bytes())
    assert list(read_list(make_list([str(copy)], tmp_path / "two"))) == list(read_list(made))


def test_what_cannot_be_read_has_its_reason(scans: Path, tmp_path: Path) -> None:
    (scans / "gone.png").symlink_to("nowhere")
    os.mkfifo(scans / "pipe.png")
    entries = {entry.path.rpartition("/")[2]: entry for entry in read_list(make_list([str(scans)], tmp_path / "out"))}
    for name, reason in {"gone.png": "does not exist", "pipe.png": "is a pipe"}.items():
        assert entries[name].sha256 is None
        assert reason in entries[name].error.message


def test_name_that_is_not_text_survives(scans: Path, tmp_path: Path) -> None:
    name = os.fsencode(scans) + b"/\xff.png"
    with open(name, "wb") as file:  # noqa: PTH123 - bytes
        file.write(b"odd")
    entries = list(read_list(make_list([str(scans)], tmp_path / "out")))
    odd = next(entry for entry in entries if entry.sha256 == sha256(b"odd"))
    assert os.fsencode(odd.path) == name
    assert odd.key.file.endswith("/?.png")


@pytest.mark.parametrize("text", ["{", "[]\n", '{"sha256": "1"}\n', '{"path": 3}\n', '{"path": "a", "sha256": "1"}\n'])
def test_damaged_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="cannot be read"):
        list(read_list(path))


def test_empty_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.txt").write_text("\n")
    with pytest.raises(UsageError, match="empty"):
        make_list([str(tmp_path / "none.txt")], tmp_path / "out")


def test_a_mistyped_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing to answer: .*archvie leads to no file"):
        make_list([str(tmp_path / "archvie")], tmp_path / "out")
