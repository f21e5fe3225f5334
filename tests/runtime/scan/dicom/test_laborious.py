"""Files whose elements take long to parse are read by a child process, with the limits on time and memory."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import image_files
from dicoms import compressed as compress
from dicoms import ct, encode, image, uid
from edge_run import InputError, read_frames
from edge_run.errors import BackendError
from edge_run.scan.dicom import frame_job, parse
from edge_run.scan.dicom import read as reading
from edge_run.scan.formats import jpeg

PIXELS = np.arange(256, dtype=np.uint8).reshape(16, 16)
ITEM = b"\xfe\xff\x00\xe0\0\0\0\0"


def implicit(tag: int, value: bytes) -> bytes:
    """A small file in implicit VR, with one more element."""
    return with_elements(tag, struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value)


def with_elements(tag: int, elements: bytes) -> bytes:
    """The same file with elements where that of a tag belongs, and in its place."""
    whole = encode(image(PIXELS, Modality="DX", syntax=uid.ImplicitVRLittleEndian))
    at = 144 + struct.unpack("<I", whole[140:144])[0]
    while at < len(whole):
        group, number, size = struct.unpack_from("<HHI", whole, at)
        if (group << 16 | number) >= tag:
            break
        at += 8 + size
    same = (group << 16 | number) == tag
    return whole[:at] + elements + whole[at + (8 + size) * same :]


def rle() -> bytes:
    dataset = image(np.stack([PIXELS, PIXELS.T]), Modality="DX")
    dataset.compress(uid.RLELossless)
    return encode(dataset)


ORDINARY = {
    "ct": lambda: encode(ct(PIXELS.astype(int) * 4 - 900)),
    "frames": lambda: encode(image(np.stack([PIXELS, PIXELS.T]), Modality="DX")),
    "deflated": lambda: encode(image(PIXELS, syntax=uid.DeflatedExplicitVRLittleEndian)),
    "rle": rle,
    "jpeg": lambda: encode(compress(image(PIXELS, Modality="DX"), [image_files.jpeg(PIXELS)], uid.JPEGBaseline8Bit)),
}


@pytest.fixture
def asked(monkeypatch):
    """The whole files that a child is asked to read."""
    asked = []

    def refuse(data, *_):
        asked.append(data)
        raise BackendError("a child was asked")

    monkeypatch.setattr(frame_job, "ask", refuse)
    return asked


LABORIOUS = {
    "items of a sequence": lambda: implicit(0x52009230, ITEM * 5000),
    "numbers": lambda: implicit(0x00281050, b"1\\" * 300_000),
    "character sets": lambda: implicit(0x00080005, b"ISO_IR 100\\" * 60_000),
    "private elements": lambda: with_elements(
        0x00110010, b"".join(struct.pack("<HHI", 0x11, 0x1000 + n % 0xE000, 0) for n in range(50_000))
    ),
    "elements of the header": lambda: header_of(50_000),
    "frames": lambda: encode(image(np.zeros((300, 4, 4), np.uint8), Modality="DX")),
}


def header_of(count: int) -> bytes:
    whole = encode(image(PIXELS, Modality="DX"))
    more = b"".join(struct.pack("<HH2sH", 2, 0x1000 + n % 0xE000, b"LO", 0) for n in range(count))
    (size,) = struct.unpack("<I", whole[140:144])
    end = 144 + size
    return whole[:140] + struct.pack("<I", size + len(more)) + whole[144:end] + more + whole[end:]


@pytest.mark.parametrize("kind", LABORIOUS)
def test_what_takes_long_to_parse_is_left_to_a_child(kind, asked):
    with pytest.raises(BackendError, match="a child was asked"):
        read_frames(LABORIOUS[kind]())
    assert len(asked) == 1


@pytest.mark.parametrize("kind", ["ct", "frames", "deflated"])
def test_ordinary_files_are_read_here(kind, asked):
    assert read_frames(ORDINARY[kind]())
    assert asked == []


@pytest.mark.parametrize("kind", ORDINARY)
def test_a_child_reads_the_same(kind, monkeypatch):
    data = ORDINARY[kind]()
    here = read_frames(data)
    monkeypatch.setattr(parse, "_FEW_READS", 1)
    there = read_frames(data)
    assert [one.pixels.tolist() for one in there] == [one.pixels.tolist() for one in here]
    assert [(s.sha256, s.steps, s.series) for s in there] == [(s.sha256, s.steps, s.series) for s in here]


def test_a_child_refuses_the_same(monkeypatch):
    data = encode(image(PIXELS, Modality="DX"))[:-40]
    said = []
    for few in (parse._FEW_READS, 1):
        monkeypatch.setattr(parse, "_FEW_READS", few)
        with pytest.raises(InputError) as caught:
            read_frames(data)
        said.append(str(caught.value))
    assert said[0] == said[1]
    assert reading._FEW_FRAMES < 4096


def test_jpeg_of_fill_bytes_is_refused_before_it_is_searched():
    data = image_files.jpeg(PIXELS)
    few = data[:2] + b"\xff" * 300 + data[2:]
    assert read_frames(few)[0].pixels.shape == PIXELS.shape
    with pytest.raises(InputError, match="fill bytes"):
        read_frames(data[:2] + b"\xff" * (len(jpeg._FILL) + 1) + data[2:])
