"""Decoders run in a process that may die."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import image_files
from dicoms import compressed, encode, image, uid
from edge_run import BackendError, InputError, read
from edge_run.scan.dicom import _worker, decoder, pixel_data

PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def jpeg(pixels=PIXELS) -> bytes:
    return encode(
        compressed(image(pixels, Modality="DX"), [image_files.jpeg(pixels, quality=100)], uid.JPEGBaseline8Bit)
    )


def assert_read() -> None:
    assert np.abs(read(jpeg()).pixels.astype(int) - PIXELS).max() <= 2


@pytest.fixture
def fresh(monkeypatch):
    """A decoder of the test's own, ended afterwards."""
    own = decoder.Decoder()
    monkeypatch.setattr(pixel_data, "_decoder", own)
    yield own
    own.close()


def test_rle_needs_no_process(fresh):
    dataset = image(PIXELS, Modality="DX")
    dataset.compress(uid.RLELossless, generate_instance_uid=False)
    np.testing.assert_array_equal(read(encode(dataset)).pixels, PIXELS)
    assert fresh._process is None


def test_the_process_is_kept_and_replaced_when_it_died(fresh):
    read(jpeg())
    first = fresh._process.pid
    read(jpeg())
    assert fresh._process.pid == first
    os.kill(first, signal.SIGKILL)
    fresh._process.wait()
    assert_read()
    assert fresh._process.pid != first


@pytest.mark.usefixtures("fresh")
def test_a_decoder_that_dies_costs_its_file_only(monkeypatch):
    monkeypatch.setattr(decoder, "_START", "import sys; sys.stdin.buffer.read(8); import os; os.abort()")
    with pytest.raises(InputError, match="did not survive"):
        read(jpeg())
    monkeypatch.undo()
    assert_read()


def test_a_decoder_that_hangs_is_ended(fresh, monkeypatch):
    monkeypatch.setattr(decoder, "SECONDS", 0.2)
    monkeypatch.setattr(decoder, "_START", "import time; time.sleep(600)")
    with pytest.raises(InputError, match="did not survive"):
        read(jpeg())
    assert fresh._process is None


@pytest.mark.parametrize(("status", "error"), [("no-extra", BackendError), ("no-decoder", InputError)])
def test_missing_decoders(fresh, monkeypatch, status, error):
    monkeypatch.setattr(fresh, "_ask", lambda *_: ({"status": status}, b""))
    with pytest.raises(error) as caught:
        read(jpeg())
    assert caught.value.hint
    if status == "no-extra":
        assert caught.value.hint == "pip install 'edge-run[dicom]'"


@pytest.mark.usefixtures("fresh")
def test_threads_share_one_process():
    with ThreadPoolExecutor(4) as pool:
        scans = list(pool.map(read, [jpeg()] * 12))
    assert all(np.abs(scan.pixels.astype(int) - PIXELS).max() <= 2 for scan in scans)


@pytest.mark.usefixtures("fresh")
def test_files_in_the_current_folder_are_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported')")
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert_read()


def test_messages_come_back_whole(tmp_path):
    with (tmp_path / "pipe").open("wb") as stream:
        _worker.write_message(stream, b"head", b"body" * 9)
    data = (tmp_path / "pipe").read_bytes()
    with (tmp_path / "pipe").open("rb") as stream:
        assert _worker.read_message(stream) == (b"head", b"body" * 9)
        assert _worker.read_message(stream) is None
    (tmp_path / "pipe").write_bytes(data[:-1])
    with (tmp_path / "pipe").open("rb") as stream:
        assert _worker.read_message(stream) is None
