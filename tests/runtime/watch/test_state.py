"""The state of a watch: what a loss of power, a full disk and a missing home do to it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from edge_run.watch.state import Mark, WatchState
from edge_run.watch.watch import MAX_POLLS, STABLE_POLLS, Watch
from toy import png, scan

if TYPE_CHECKING:
    from conftest import Desk


@pytest.fixture
def two(desk: Desk) -> tuple[Desk, bytes]:
    """Two answered files, and the state of that."""
    for name in ("a.png", "b.png"):
        (desk.folder / name).write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["a.png", "b.png"]
    return desk, desk.state.read_bytes()


@pytest.mark.parametrize("kind", ["tail", "half", "line", "all", "block"])
def test_zeros_after_a_loss_of_power_cost_those_marks_alone(two: tuple[Desk, bytes], kind: str) -> None:
    desk, sound = two
    first = sound.index(b"\n") + 1
    damaged = {
        "tail": sound + bytes(120),
        "half": sound[:100] + bytes(65),
        "line": bytes(165) + b"\n" + sound,
        "all": bytes(len(sound)),
        "block": sound[:50] + bytes(first) + sound[first + 50 :],
    }[kind]
    lost = {"tail": [], "half": ["a.png", "b.png"], "line": [], "all": ["a.png", "b.png"], "block": ["a.png", "b.png"]}
    desk.state.write_bytes(damaged)
    desk.restart()
    assert desk.look(STABLE_POLLS) == lost[kind]
    desk.restart()
    assert desk.look(STABLE_POLLS) == []


def test_state_of_an_older_version_is_read(two: tuple[Desk, bytes]) -> None:
    desk, sound = two
    old = [json.loads(line) for line in sound.splitlines()]
    keys = ("file", "size", "mtime_ns", "sha256")
    desk.state.write_text("".join(json.dumps({k: m[k] for k in keys}, separators=(",", ":")) + "\n" for m in old))
    desk.restart()
    assert desk.look(MAX_POLLS) == []


def test_full_disk_warns_once_answers_on_and_is_made_up_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    (desk.folder / "a.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["a.png"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        for name in ("b.png", "c.png"):
            (desk.folder / name).write_bytes(png(scan()))
            assert desk.look(STABLE_POLLS) == [name]
        assert desk.look(MAX_POLLS) == []
        assert len([text for text in desk.told if "No space left" in text]) == 1
    (desk.folder / "d.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["d.png"]
    desk.restart()
    assert desk.look(MAX_POLLS) == []


def test_line_that_a_full_disk_cut_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def half(opened: int, data: bytes) -> int:
        write(opened, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told: list[str] = []
    state = WatchState(tmp_path / "state", told.append)
    state.add(Mark("a" * 32, 1, 2, "3"))
    whole = (tmp_path / "state").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        state.add(Mark("b" * 32, 1, 2, "3"))
    assert ((tmp_path / "state").read_bytes(), len(told)) == (whole, 1)
    state.close()


def test_full_disk_at_the_start_keeps_the_old_state(two: tuple[Desk, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    desk, sound = two

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        desk.restart()
    assert desk.look(MAX_POLLS) == []
    assert desk.state.read_bytes() == sound
    assert sorted(path.name for path in desk.state.parent.iterdir()) == ["inbox", "state.jsonl"]


@pytest.mark.parametrize("reason", ["no home", "not writable"])
def test_default_state_that_cannot_be_kept_warns_and_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: str
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    if reason == "no home":
        monkeypatch.delenv("XDG_DATA_HOME", raising=False)
        monkeypatch.setattr(Path, "home", nobody)
    else:
        monkeypatch.setenv("XDG_DATA_HOME", "/proc/none")
    (tmp_path / "a.png").write_bytes(png(scan()))
    told: list[str] = []
    with Watch(tmp_path, None, warn=lambda text, hint: told.append(f"{text}; {hint}")) as watch:
        assert [len(watch.poll()) for _ in range(STABLE_POLLS)] == [0, 1]
    assert len(told) == 1
    assert "answered again after a restart" in told[0]


def test_folder_that_cannot_be_listed_at_the_start_stays_known(
    two: tuple[Desk, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, _ = two
    (desk.folder / "below").mkdir()
    (desk.folder / "below" / "c.png").write_bytes(png(scan()))
    assert desk.look(STABLE_POLLS) == ["below/c.png"]
    scandir = os.scandir

    def refuse(path: str) -> object:
        if "below" in str(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        desk.restart()
    assert desk.look(MAX_POLLS) == []
