"""A bundle is written whole or not at all."""

from __future__ import annotations

import hashlib
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge_run import Bundle
from edge_run._files import sweep_unfinished
from edge_run.bundle.writer import BundleWriter
from edge_run.errors import BundleError, UsageError


def test_entries_name_what_was_written(exported, tmp_path):
    with BundleWriter(tmp_path / "out") as writer:
        entry = writer.add("models/a.onnx", b"model")
        head = writer.add_array("models/head.npy", np.arange(3))
        writer.finish(exported.manifest)
    assert (entry.path, entry.bytes, entry.sha256) == ("models/a.onnx", 5, hashlib.sha256(b"model").hexdigest())
    bundle = Bundle(tmp_path / "out")
    assert bundle.manifest == exported.manifest
    assert bundle.read(entry) == b"model"
    assert bundle.read_array(head).tolist() == [0, 1, 2]


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_bundle_may_be_read_by_whom_the_umask_lets(name, exported, tmp_path):
    before = os.umask(0o022)
    try:
        with BundleWriter(tmp_path / name) as writer:
            writer.add("models/a.onnx", b"model")
            writer.finish(exported.manifest)
    finally:
        os.umask(before)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    for path in (tmp_path / name, *(tmp_path / name).rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if path.is_dir() else 0o644), path


def test_empty_folder_is_filled(exported, tmp_path, monkeypatch):
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    with BundleWriter(Path()) as writer:
        writer.finish(exported.manifest)
    assert [p.name for p in tmp_path.iterdir()] == ["here"]
    assert Bundle(place).manifest == exported.manifest


def test_manifest_that_cannot_be_read_again_is_not_put_in_place(exported, tmp_path):
    parity = msgspec.structs.replace(exported.manifest.parity["fp32"], auroc=float("nan"))
    spoilt = msgspec.structs.replace(exported.manifest, parity={"fp32": parity})
    with BundleWriter(tmp_path / "out") as writer, pytest.raises(BundleError, match="auroc"):
        writer.finish(spoilt)
    assert not list(tmp_path.iterdir())


def test_zip_that_cannot_be_finished_is_not_put_in_place(exported, tmp_path, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("zipfile.ZipFile.write", full)
    with BundleWriter(tmp_path / "new" / "out.zip") as writer, pytest.raises(OSError, match="No space left"):
        writer.finish(exported.manifest)
    assert not list(tmp_path.iterdir())


def test_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UsageError, match="cannot be written"):
        BundleWriter(tmp_path / "file" / "out")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_scratch_of_a_killed_export_is_swept(exported, tmp_path):
    script = (
        "import sys, time; from pathlib import Path; from edge_run.bundle.writer import BundleWriter\n"
        "writer = BundleWriter(Path(sys.argv[1])); writer.add('models/a.onnx', b'model')\n"
        "(writer.scratch / 'fp32.onnx').write_bytes(b'model'); print('ready', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    (left,) = tmp_path.iterdir()
    sweep_unfinished(tmp_path)
    assert not left.exists()
    with BundleWriter(tmp_path / "out") as writer:
        writer.finish(exported.manifest)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
