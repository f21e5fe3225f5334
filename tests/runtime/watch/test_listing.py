"""Deep trees, many files, links and names without a suffix."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from edge_run.scan.inputs import expand
from edge_run.watch import listing
from edge_run.watch.listing import Lister
from edge_run.watch.watch import MAX_POLLS, STABLE_POLLS
from toy import png, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Desk

DICOM = bytes(128) + b"DICM" + bytes(100)


@pytest.fixture(autouse=True)
def _removed(tmp_path: Path) -> Iterator[None]:
    """Remove trees that are deeper than what pytest can remove."""
    yield
    subprocess.run(["rm", "-rf", str(tmp_path / "inbox" / "d")], check=True)


def deep(folder: Path, depth: int) -> Path:
    """Make folders in each other with one-letter names, and return a path to the deepest that the system takes."""
    before = os.getcwd()  # noqa: PTH109
    os.chdir(folder)
    for _ in range(depth):
        os.mkdir("d")  # noqa: PTH102
        os.chdir("d")
    os.chdir(before)
    return folder.joinpath(*["d"] * depth)


def test_very_deep_tree_is_listed(desk: Desk) -> None:
    depth = 1500
    assert depth > sys.getrecursionlimit()
    bottom = deep(desk.folder, depth)
    (bottom / "a.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["d/" * depth + "a.png"]


def test_tree_deeper_than_a_path_may_be_ends_nothing(desk: Desk) -> None:
    deep(desk.folder, 2200)
    (desk.folder / "a.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["a.png"]
    assert len([text for text in desk.told if "name too long" in text]) == 1


def test_circles_of_links_and_second_ways_are_entered_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    (tmp_path / "itself").symlink_to("itself")
    (tmp_path / "again.png").symlink_to("a/a.png")
    (tmp_path / "nothing.png").symlink_to("nothing")
    (tmp_path / "a" / "a.png").write_bytes(b"")
    assert list(Lister(tmp_path).list()) == ["a/a.png"]


def test_names_are_those_of_the_command(tmp_path: Path) -> None:
    names = ("a.png", "b.JPG", "IM1", "1.2.840.5", "x.ima", "DICOMDIR", "c.txt", ".h.png", "d.png.part", "none")
    for name in names:
        (tmp_path / name).write_bytes(b"text" if name == "none" else DICOM)
    listed = expand([str(tmp_path)])
    assert sorted(Lister(tmp_path).list()) == sorted(one.path.name for one in listed if one.path)


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "IM1")
    assert Lister(tmp_path).list() == {}


@pytest.fixture
def many(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Thirty known files, of which one look takes five; the list counts the system calls."""
    monkeypatch.setattr(listing, "STATS_PER_LOOK", 6)
    monkeypatch.setattr(listing, "COARSEST_NS", -(10**12))
    for n in range(30):
        (desk.folder / f"{n}.png").write_bytes(png(scan()))
    assert len(desk.look(STABLE_POLLS + 1)) == 30
    calls: list[str] = []
    stat = os.stat
    monkeypatch.setattr(os, "stat", lambda path, **more: calls.append(str(path)) or stat(path, **more))
    return calls


def test_look_at_many_known_files_is_cheap(desk: Desk, many: list[str]) -> None:
    before = len(many)
    desk.look()
    assert len([path for path in many[before:] if path.endswith(".png")]) <= 6


def test_new_file_among_many_is_seen_at_once(desk: Desk, many: list[str]) -> None:
    desk.look()
    (desk.folder / "new.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["new.png"]
    assert many


def test_file_among_many_that_changes_in_place_is_seen_after_some_looks(desk: Desk, many: list[str]) -> None:
    (desk.folder / "7.png").write_bytes(png(scan(1)))
    assert desk.look(listing.LOOKS_PER_LISTING + STABLE_POLLS) == ["7.png"]
    assert many


def test_file_without_a_suffix_that_becomes_dicom_is_seen(desk: Desk, many: list[str]) -> None:
    (desk.folder / "IM1").write_bytes(bytes(300))
    assert desk.look(MAX_POLLS) == []
    (desk.folder / "IM1").write_bytes(DICOM + b"content")
    assert desk.look(2 * MAX_POLLS) == ["IM1"]
    assert many
