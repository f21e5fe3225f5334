"""A file is there whole or not at all, and an unfinished one does not stay."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge_run._files import move_folder, replace_file, replacing, sweep_unfinished, unfinished_folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_file_and_its_folders_are_for_this_user_alone(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert (path.read_bytes(), names(path.parent)) == (b"two", ["file"])
    assert [mode(path), mode(path.parent), mode(path.parent.parent)] == [0o600, 0o700, 0o700]


def test_file_that_is_not_private_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "a" / "file", b"one", private=False)
    finally:
        os.umask(before)
    assert [mode(tmp_path / "a" / "file"), mode(tmp_path / "a")] == [0o640, 0o750]


def test_longest_name_that_a_disk_takes(tmp_path):
    replace_file(tmp_path / ("n" * 255), b"one")
    assert names(tmp_path) == ["n" * 255]


def test_link_is_replaced_and_its_target_kept(tmp_path):
    (tmp_path / "target").write_bytes(b"target")
    (tmp_path / "file").symlink_to("target")
    replace_file(tmp_path / "file", b"one")
    assert not (tmp_path / "file").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"target"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_disk_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch, call):
    def fail(*_arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    replace_file(tmp_path / "file", b"old")
    with monkeypatch.context() as patch:
        patch.setattr(*((os, "fsync") if call == "fsync" else (Path, "replace")), fail)
        with pytest.raises(OSError, match="No space"):
            replace_file(tmp_path / "file", b"new")
    assert (names(tmp_path), (tmp_path / "file").read_bytes()) == (["file"], b"old")


def test_file_and_folder_are_synced_in_order(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os, "fsync", lambda opened: calls.append(str(Path(f"/proc/self/fd/{opened}").readlink())) or fsync(opened)
    )
    monkeypatch.setattr(Path, "replace", lambda path, to: calls.append("replace") or replace(path, to))
    replace_file(tmp_path / "file", b"one")
    assert [Path(call).suffix or call for call in calls] == [".unfinished", "replace", str(tmp_path)]


def test_what_a_kill_leaves_is_swept_and_what_is_written_stays(tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from edge_run._files import replacing\n"
        "with replacing(Path(sys.argv[1])): print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "file")], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert sweep_unfinished(tmp_path) == 0
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(names(tmp_path)) == 1
    assert sweep_unfinished(tmp_path) == 1
    with replacing(tmp_path / "other") as unfinished:
        assert names(tmp_path) == [unfinished.name]
    assert sweep_unfinished(tmp_path / "missing") == 0


def test_first_write_into_a_folder_sweeps_it(tmp_path):
    left = tmp_path / ".edge-run-0000000000000000.unfinished"
    (tmp_path / "folder").mkdir()
    for path in (left, tmp_path / "folder" / left.name):
        path.mkdir()
        (path / "scan.png").write_bytes(b"scan")
    replace_file(tmp_path / "file", b"one")
    with unfinished_folder(tmp_path / "folder") as made:
        assert names(tmp_path / "folder") == [made.name]
        assert sweep_unfinished(tmp_path / "folder") == 0
        assert mode(made) == 0o700
    assert names(tmp_path) == ["file", "folder"]
    assert names(tmp_path / "folder") == []


def test_folder_is_moved_whole(tmp_path):
    (tmp_path / "made" / "below").mkdir(parents=True)
    (tmp_path / "made" / "below" / "file").write_bytes(b"one")
    move_folder(tmp_path / "made", tmp_path / "target")
    assert (tmp_path / "target" / "below" / "file").read_bytes() == b"one"
