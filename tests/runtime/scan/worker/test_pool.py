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
from edge_run.scan import decode
from edge_run.scan.dicom import frame_job
from edge_run.scan.read import Limits
from edge_run.scan.worker import messages, pool

PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def jpeg(pixels=PIXELS) -> bytes:
    return encode(
        compressed(image(pixels, Modality="DX"), [image_files.jpeg(pixels, quality=100)], uid.JPEGBaseline8Bit)
    )


@pytest.fixture(params=["frame", "picture"])
def fresh(request, monkeypatch):
    """A pool of one child of the test's own, ended afterwards, and a file that it decodes."""
    monkeypatch.setattr(pool, "MOST_CHILDREN", 1)
    own = pool.Pool(request.param)
    monkeypatch.setattr(frame_job if request.param == "frame" else decode, "_children", own)
    yield own, jpeg() if request.param == "frame" else image_files.jpeg(PIXELS, quality=100)
    own.close()


def assert_read(data) -> None:
    assert np.abs(read(data).pixels.astype(int) - PIXELS).max() <= 2


def test_the_child_is_kept_and_replaced_when_it_died(fresh):
    own, data = fresh
    assert_read(data)
    (first,) = own._idle
    assert_read(data)
    assert own._idle == [first]
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert_read(data)
    assert own._idle[0].pid != first.pid


READY = "import sys; out = sys.stdout.buffer; out.write(b'\\x02\\0\\0\\0' + bytes(8) + b'{}'); out.flush(); "


def test_a_decoder_that_dies_costs_its_file_only(fresh, monkeypatch):
    own, data = fresh
    monkeypatch.setattr(pool, "_START", READY + "sys.stdin.buffer.read(8); import os; os.abort()")
    with pytest.raises(InputError, match="did not survive"):
        read(data)
    monkeypatch.undo()
    assert own._idle == []
    assert_read(data)


def test_a_decoder_that_hangs_is_ended(fresh, monkeypatch):
    own, data = fresh
    monkeypatch.setattr(pool, "_START", READY + "import time; time.sleep(600)")
    with pytest.raises(InputError, match=r"takes more than 0\.2 s to decode") as caught:
        read(data, limits=Limits(max_seconds=0.2))
    assert "max_seconds" in caught.value.hint
    assert own._idle == []


def test_a_child_that_does_not_start_is_said(fresh, monkeypatch):
    _, data = fresh
    monkeypatch.setattr(pool, "_START", "raise SystemExit(1)")
    with pytest.raises(BackendError, match="does not start"):
        read(data)


def test_memory_is_bounded(fresh):
    own, data = fresh
    with pytest.raises(InputError, match="takes more than 0 MiB") as caught:
        read(large(own._kind), limits=Limits(max_memory=2**19))
    assert "max_memory" in caught.value.hint
    assert_read(data)


def large(kind):
    picture = image_files.jpeg(np.zeros((2000, 2000), np.uint8))
    if kind == "picture":
        return picture
    dataset = image(np.zeros((2000, 2000), np.uint8), Modality="DX")
    return encode(compressed(dataset, [picture], uid.JPEGBaseline8Bit))


@pytest.mark.parametrize(("status", "error"), [("no-extra", BackendError), ("no-decoder", InputError)])
def test_missing_decoders(monkeypatch, status, error):
    monkeypatch.setattr(frame_job._children, "decode", lambda *_: ({"status": status}, None))
    with pytest.raises(error) as caught:
        read(jpeg())
    assert caught.value.hint
    if status == "no-extra":
        assert caught.value.hint == "pip install 'edge-run[dicom]'"


def test_threads_share_the_children(fresh):
    own, data = fresh
    with ThreadPoolExecutor(4) as threads:
        scans = list(threads.map(read, [data] * 12))
    assert all(np.abs(scan.pixels.astype(int) - PIXELS).max() <= 2 for scan in scans)
    assert len(own._idle) == 1


def test_files_in_the_current_folder_are_not_imported(fresh, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('imported')")
    (tmp_path / "json.py").write_text("raise SystemExit('imported')")
    monkeypatch.chdir(tmp_path)
    assert_read(fresh[1])


def test_a_fork_starts_children_of_its_own(fresh):
    own, data = fresh
    assert_read(data)
    (parents,) = own._idle
    own._owner = -1
    assert_read(data)
    assert own._idle[0].pid != parents.pid
    parents.kill()
    parents.communicate()


def test_messages_come_back_whole(tmp_path):
    with (tmp_path / "pipe").open("wb") as stream:
        messages.write_message(stream, {"a": 1}, b"body" * 9)
    data = (tmp_path / "pipe").read_bytes()
    with (tmp_path / "pipe").open("rb") as stream:
        assert messages.read_message(stream) == ({"a": 1}, b"body" * 9)
        assert messages.read_message(stream) is None
    (tmp_path / "pipe").write_bytes(data[:-1])
    with (tmp_path / "pipe").open("rb") as stream:
        assert messages.read_message(stream) is None


LARGE = np.zeros((2100, 2100), np.uint8)
FORMATS = {
    "png": lambda: image_files.grey_png(LARGE),
    "jpeg": lambda: image_files.jpeg(PIXELS),
    "bmp": lambda: image_files.bmp(LARGE),
    "webp": lambda: image_files.webp(np.dstack([LARGE] * 3)),
    "pgm": lambda: image_files.pgm(LARGE),
    **{f"tiff {c}": lambda c=c: bytes(image_files.tiff_by_opencv(LARGE, c, 7)) for c in (1, 5, 8, 32773)},
    "tiles": lambda: image_files.tiff_of_pieces(np.zeros((2112, 2112, 1), np.uint8), (64, 64), deflate=1),
    "dicom": jpeg,
    "dicom rle": lambda: rle(PIXELS),
}


def rle(pixels):
    dataset = image(pixels, Modality="DX")
    dataset.compress(uid.RLELossless)
    return encode(dataset)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_bounded(kind, monkeypatch):
    def refuse(*_):
        raise BackendError("a child was asked")

    # What is large or slow is decoded by a child, which the tests above bound.
    monkeypatch.setattr(pool.Pool, "decode", refuse)
    with pytest.raises(BackendError, match="a child was asked"):
        read(FORMATS[kind]())
