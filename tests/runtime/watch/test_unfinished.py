"""Files that have their full size before their content, and contents that change unseen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest

from edge_run.watch import watch as watching
from edge_run.watch.completeness import Completeness, check
from edge_run.watch.watch import MAX_POLLS, STABLE_POLLS, UNMARKED_POLLS
from toy import png, scan

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Desk

SIZE = 40_000
CONTENT = np.random.default_rng(0).integers(1, 256, SIZE, np.uint8).tobytes()
NAMES = ("a.bmp", "a.pgm", "a.dcm", "a.webp", "a.tif")


def preallocated(path: Path, way: str, filled: int = SIZE // 4) -> None:
    """Give a file its full size, and only the beginning of its content."""
    with path.open("wb") as file:
        if way == "truncate":
            file.truncate(SIZE)
        elif way == "fallocate":
            os.posix_fallocate(file.fileno(), 0, SIZE)
        else:
            file.write(bytes(SIZE))
        file.seek(0)
        file.write(CONTENT[:filled])


@pytest.mark.parametrize("way", ["truncate", "fallocate", "zeros"])
@pytest.mark.parametrize("name", NAMES)
def test_file_that_is_filled_later_is_answered_when_it_is_full(desk: Desk, name: str, way: str) -> None:
    preallocated(desk.folder / name, way)
    assert desk.look(MAX_POLLS - 1) == []
    (desk.folder / name).write_bytes(CONTENT)
    assert desk.look(UNMARKED_POLLS) == [name]


@pytest.mark.parametrize("way", ["truncate", "fallocate", "zeros"])
def test_file_that_stays_half_empty_gets_an_error(desk: Desk, way: str) -> None:
    preallocated(desk.folder / "a.pgm", way)
    assert desk.look(3 * MAX_POLLS) == ["a.pgm?"]
    (desk.folder / "a.pgm").write_bytes(CONTENT)
    assert desk.look(UNMARKED_POLLS) == ["a.pgm"]


def test_file_that_is_open_for_writing_waits_however_long(desk: Desk) -> None:
    with (desk.folder / "a.png").open("wb") as file:
        file.write(png(scan()))
        file.flush()
        assert desk.look(3 * MAX_POLLS) == []
        assert len([text for text in desk.told if "open for writing" in text]) == 1
    assert desk.look() == ["a.png"]


def test_format_without_an_end_marker_waits_longer(desk: Desk) -> None:
    (desk.folder / "a.png").write_bytes(png(scan()))
    for name in NAMES:
        (desk.folder / name).write_bytes(CONTENT)
    assert desk.look(STABLE_POLLS) == ["a.png"]
    assert desk.look(UNMARKED_POLLS - STABLE_POLLS) == sorted(NAMES)


def test_black_border_at_the_end_waits_longest(desk: Desk) -> None:
    (desk.folder / "a.pgm").write_bytes(CONTENT + bytes(SIZE // 4))
    assert desk.look(MAX_POLLS - 1) == []
    assert desk.look() == ["a.pgm"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (png(scan()), Completeness.MARKED),
        (png(scan())[:-1], Completeness.UNMARKED),
        (b"\xff\xd8\xff" + CONTENT + b"\xff\xd9", Completeness.MARKED),
        (b"\xff\xd8\xff" + CONTENT + b"\xff\xd9\n", Completeness.MARKED),
        (bytes(128) + b"DICM" + CONTENT + b"\xfe\xff\xdd\xe0\0\0\0\0", Completeness.MARKED),
        (CONTENT, Completeness.UNMARKED),
        (CONTENT + bytes(5000), Completeness.EMPTY_TAIL),
        (CONTENT + bytes(SIZE + 10), Completeness.HALF_EMPTY),
        (b"", Completeness.HALF_EMPTY),
    ],
)
def test_what_the_ends_say(tmp_path: Path, content: bytes, expected: Completeness) -> None:
    (tmp_path / "file").write_bytes(content)
    assert check(tmp_path / "file") is expected


def test_new_content_of_the_same_size_and_time_is_answered_again(desk: Desk) -> None:
    path = desk.folder / "a.png"
    path.write_bytes(png(scan(1)))
    times = path.stat()
    assert desk.look(STABLE_POLLS) == ["a.png"]
    other = bytearray(path.read_bytes())
    other[60] ^= 1
    path.write_bytes(other)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert desk.look(STABLE_POLLS) == ["a.png"]
    desk.restart()
    assert desk.look(MAX_POLLS) == []


def test_other_file_of_the_same_size_and_time_is_answered(desk: Desk) -> None:
    path, other = desk.folder / "a.png", desk.folder.parent / "b.png"
    path.write_bytes(png(scan(1)))
    assert desk.look(STABLE_POLLS) == ["a.png"]
    other.write_bytes(path.read_bytes()[:60] + b"other" + path.read_bytes()[65:])
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert desk.look(STABLE_POLLS) == ["a.png"]


def test_changed_rights_alone_bring_no_second_answer(desk: Desk) -> None:
    (desk.folder / "a.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["a.png"]
    (desk.folder / "a.png").chmod(0o600)
    assert desk.look(MAX_POLLS) == []


def test_error_is_not_for_ever(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra that is installed later changes nothing about the file."""
    path = desk.folder / "a.png"
    path.write_bytes(b"bad" + png(scan())[3:])
    assert desk.look(2 * MAX_POLLS) == ["a.png?"]
    read = desk.read
    monkeypatch.setattr(desk, "read", lambda _: read(desk.folder.parent / "sound.png"))
    (desk.folder.parent / "sound.png").write_bytes(png(scan()))
    assert desk.look(4 * MAX_POLLS) == ["a.png"]
    assert desk.look(4 * MAX_POLLS) == []


def test_error_is_tried_again_after_a_restart_and_not_reported_twice(desk: Desk) -> None:
    path = desk.folder / "a.png"
    path.write_bytes(b"bad")
    assert desk.look(MAX_POLLS) == ["a.png?"]
    desk.restart()
    tried: list[Path] = []
    desk.read = lambda path, read=desk.read: tried.append(path) or read(path)  # type: ignore[method-assign]
    assert desk.look(2 * MAX_POLLS) == []
    assert tried


def test_tries_become_rare(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.folder / "a.png").write_bytes(b"bad")
    checked: list[Path] = []
    monkeypatch.setattr(watching, "check", lambda path: checked.append(path) or check(path))
    tried: list[Path] = []
    desk.read = lambda path, read=desk.read: tried.append(path) or read(path)  # type: ignore[method-assign]
    assert desk.look(1000) == ["a.png?"]
    assert 4 < len(tried) < 12
    assert len(checked) < 12 + MAX_POLLS
