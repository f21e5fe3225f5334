from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edge_run.scan.inputs import expand


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def names(*arguments: str) -> list[str]:
    return [one.name for one in expand(arguments)]


def test_files_keep_the_order_they_were_named_in_whatever_their_suffix() -> None:
    touch("b.png", "a.png", "notes.txt")
    assert names("b.png", "a.png", "notes.txt") == ["b.png", "a.png", "notes.txt"]
    assert expand(["b.png"])[0].path == Path("b.png")


def test_missing_file_stays_and_has_no_error_yet() -> None:
    (one,) = expand(["gone.png"])
    assert (one.name, one.path, one.error) == ("gone.png", Path("gone.png"), None)


def test_folder_is_walked_sorted_images_only_nothing_hidden() -> None:
    touch(
        "d/b.png",
        "d/a/z.TIFF",
        "d/a/k.jpeg",
        "d/c.DCM",
        "d/w.webp",
        "d/p.pgm",
        "d/x.bmp",
        "d/j.JPG",
        "d/t.tif",
    )
    touch("d/readme.txt", "d/noimage", "d/.hidden.png", "d/.cache/h.png")
    expected = "a/k.jpeg a/z.TIFF b.png c.DCM j.JPG p.pgm t.tif w.webp x.bmp"
    assert names("d") == [f"d/{name}" for name in expected.split()]


def test_current_folder() -> None:
    touch("a.png", "d/b.png")
    assert names(".") == ["a.png", "d/b.png"]


def test_glob_left_by_the_shell() -> None:
    touch("s/b.png", "s/a.png", "s/c.jpg", "s/.h.png", "s/deep/d.png")
    assert names("s/*.png") == ["s/a.png", "s/b.png"]
    assert names("s/**/*.png") == ["s/a.png", "s/b.png", "s/deep/d.png"]
    assert names("s/**") == ["s/a.png", "s/b.png", "s/c.jpg", "s/deep/d.png"]
    assert names("s/[ab].???") == ["s/a.png", "s/b.png"]
    assert names("s/de*") == ["s/deep/d.png"]
    assert names("s/.*.png") == ["s/.h.png"]
    assert names(f"{Path.cwd()}/s/*.jpg") == [f"{Path.cwd()}/s/c.jpg"]


def test_file_whose_name_looks_like_a_glob() -> None:
    touch("scan[1].png", "scan1.png")
    assert names("scan[1].png") == ["scan[1].png"]


def test_stdin_at_most_once() -> None:
    touch("a.png")
    found = expand(["-", "a.png", "-"])
    assert [(one.name, one.path) for one in found] == [("-", None), ("a.png", Path("a.png"))]
    assert found[0].error is None


def test_a_file_reached_twice_is_answered_once_under_its_first_name() -> None:
    touch("d/a.png", "d/b.png")
    Path("link.png").symlink_to("d/b.png")
    assert names("d/b.png", "d", "./d/../d/a.png", "link.png", "d/*.png") == ["d/b.png", "d/a.png"]


def test_links_are_followed_and_loops_end() -> None:
    touch("real/a.png", "d/b.png")
    Path("d/linked").symlink_to("../real")
    Path("d/loop").symlink_to(".")
    Path("real/back").symlink_to("../d")
    assert names("d") == ["d/b.png", "d/linked/a.png"]
    assert names("d/**/b.png") == ["d/b.png"]


def test_empty_folder_and_glob_without_match_do_not_stop_the_others() -> None:
    touch("a.png", "d/readme.txt")
    found = expand(["d", "none/*.png", "a**b", "", "a.png"])
    assert [one.error is None for one in found] == [False, False, False, False, True]
    assert "d holds no image" in str(found[0].error)
    assert "none/*.png matches no image" in str(found[1].error)
    assert "empty" in str(found[3].error)
    assert all(one.path is None and one.error is not None and one.error.hint for one in found[:4])


def test_folder_that_cannot_be_listed_is_reported_beside_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    touch("d/a.png", "d/locked/b.png")
    scandir = os.scandir

    def deny(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    # Not by chmod, which does not stop root.
    monkeypatch.setattr(os, "scandir", deny)
    found = expand(["d"])
    assert [one.name for one in found] == ["d/locked", "d/a.png"]
    assert "cannot be listed: Permission denied" in str(found[0].error)


@pytest.mark.skipif(sys.platform == "darwin", reason="file names are UTF-8 there")
def test_name_that_is_not_utf8_is_printable_and_its_path_still_opens() -> None:
    path = os.fsdecode(b"scan\xff.png")
    Path(path).write_bytes(b"x")
    (one,) = expand([path])
    assert one.name == "scan?.png"
    assert one.path is not None
    assert one.path.read_bytes() == b"x"


def test_nothing_gives_nothing() -> None:
    assert expand([]) == []


def test_every_usual_name_of_a_format_is_an_image_of_a_folder(tmp_path: Path) -> None:
    names = ["a.jfif", "b.JPE", "c.jif", "d.ppm", "e.pnm", "f.dib"]
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "notes.txt").touch()
    assert [one.path.name for one in expand([str(tmp_path)]) if one.path] == names
