"""Files that lie, are cut, hold something else or are made to do harm."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

import image_files
from dicoms import Dataset, Items, compressed, ct, encode, image, uid
from edge_run import InputError
from edge_run.scan.read import Limits, read, read_frames

SMALL = np.arange(64, dtype=np.uint16).reshape(8, 8)
BYTES = SMALL.astype(np.uint8)


def refused(data: bytes, **limits: int) -> InputError:
    with pytest.raises(InputError) as caught:
        read_frames(data, limits=Limits(**limits))
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Rows": 9}, "truncated: 128 bytes of pixel data, the DICOM header says 144"),
        ({"Rows": 7}, "contradicts itself: 128 bytes of pixel data, the DICOM header says 112"),
        ({"Columns": 7}, "contradicts itself"),
        ({"Rows": 60000, "Columns": 60000}, "over the limit"),
        ({"Rows": 0}, "no pixels"),
        ({"Rows": None}, "no pixels"),
        ({"NumberOfFrames": 2}, "truncated"),
        ({"NumberOfFrames": 2**31 - 1}, "over the limit"),
        ({"NumberOfFrames": -1}, "no pixels"),
        ({"SamplesPerPixel": 2}, "2 samples per pixel in MONOCHROME2"),
        ({"SamplesPerPixel": 60000, "Rows": 2000}, "over the limit"),
        ({"BitsAllocated": 32, "BitsStored": 32}, "32 of 32 bits"),
        ({"BitsAllocated": 1, "BitsStored": 1}, "1 of 1 bits"),
        ({"BitsStored": 17}, "17 of 16 bits"),
        ({"BitsStored": 0}, "0 of 16 bits"),
        ({"PhotometricInterpretation": "DOE^JANE"}, "photometric interpretation that is not read"),
        ({"PhotometricInterpretation": "PALETTE COLOR", "PixelRepresentation": 1}, "signed PALETTE COLOR"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "has no descriptor"),
        ({"RescaleSlope": 0, "RescaleIntercept": 0}, "slope is 0"),
        ({"SOPClassUID": uid.RTStructureSetStorage, "PixelData": b""}, "without pixel data"),
    ],
)
def test_header_that_does_not_add_up(changes, says):
    data = changes.pop("PixelData", None)
    dataset = image(SMALL, **changes)
    if data is not None:
        del dataset.PixelData
    assert says in refused(encode(dataset)).message


def test_what_holds_no_image_is_named():
    dataset = image(SMALL, SOPClassUID=uid.RTStructureSetStorage)
    del dataset.PixelData
    assert "RT Structure Set Storage" in refused(encode(dataset)).message
    dataset.SOPClassUID = "1.2.3.4.5"
    assert "1.2.3" not in refused(encode(dataset)).message


def test_directory_of_files():
    dataset = image(SMALL)
    dataset.SOPClassUID = "1.2.840.10008.1.3.10"
    assert "DICOMDIR" in refused(encode(dataset)).message


def test_limits_are_the_callers():
    data = encode(image(SMALL))
    assert read(data, limits=Limits(max_pixels=64)).pixels.shape == (8, 8)
    assert "over the limit of 63 samples" in refused(data, max_pixels=63).message
    assert "over the limit" in refused(data, max_bytes=len(data) - 1).message


def test_file_cut_at_any_length_is_refused():
    data = encode(ct(SMALL))
    start = len(data) - SMALL.nbytes
    for length in (*range(1, 140), *range(140, start, 7), *range(start, len(data), 9)):
        refused(data[:length])


def test_noise_after_the_preamble():
    rng = np.random.default_rng(3)
    for _ in range(50):
        refused(bytes(128) + b"DICM" + rng.bytes(400))


@pytest.mark.filterwarnings("error")
def test_flipped_bytes_end_in_a_scan_or_a_refusal(capfd):
    data = encode(ct(SMALL, WindowCenter=1, WindowWidth=2))
    rng = np.random.default_rng(4)
    for _ in range(60):
        broken = bytearray(data)
        for at in rng.integers(128, len(data), rng.integers(1, 9)):
            broken[at] = rng.integers(256)
        try:
            assert read(bytes(broken)).pixels.dtype == np.uint8
        except InputError:
            continue
    assert capfd.readouterr() == ("", "")


def test_sequences_without_end():
    # An item that opens a sequence, that opens an item, ...
    deep = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5000
    assert "damaged" in refused(bytes(128) + b"DICM" + deep).message


def deflated(body: bytes) -> bytes:
    """A file whose data set is this, deflated."""
    data = encode(image(SMALL, syntax=uid.DeflatedExplicitVRLittleEndian))
    meta = data[: 132 + 12 + int.from_bytes(data[140:144], "little")]
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return meta + packer.compress(body) + packer.flush()


def test_deflated_files_are_read():
    plain = read(encode(image(SMALL)))
    np.testing.assert_array_equal(
        read(encode(image(SMALL, syntax=uid.DeflatedExplicitVRLittleEndian))).pixels, plain.pixels
    )


def test_deflated_bomb_is_not_inflated(monkeypatch):
    bomb = deflated(bytes(8 * 2**20))
    assert len(bomb) < 2**17
    assert "inflates to more" in refused(bomb, max_bytes=2**20).message

    def unbounded(*_):
        raise AssertionError("inflated without a bound")

    monkeypatch.setattr(zlib, "decompress", unbounded)
    assert "inflates to more" in refused(bomb, max_bytes=2**20).message


def test_cut_deflated_file():
    data = encode(image(SMALL, syntax=uid.DeflatedExplicitVRLittleEndian))
    assert "truncated" in refused(data[:-20]).message


def test_rle_that_unpacks_to_more_than_its_pixels():
    segment = b"\x81\0" * (2 * 2**20)
    frame = np.array([1, 64] + [0] * 14, "<u4").tobytes() + segment
    dataset = compressed(image(BYTES), [frame], uid.RLELossless)
    assert "larger than its pixels" in refused(encode(dataset)).message


def jpeg(pixels=BYTES):
    return image_files.jpeg(pixels)


def test_jpeg_of_another_size_than_the_header():
    dataset = compressed(image(BYTES[:4]), [jpeg()], uid.JPEGBaseline8Bit)
    assert "8x4x1 in its DICOM header, 8x8x1 in its compressed pixel data" in refused(encode(dataset)).message


def test_cut_jpeg():
    dataset = compressed(image(BYTES), [jpeg()[:-40]], uid.JPEGBaseline8Bit)
    assert "does not reach its end" in refused(encode(dataset)).message


def test_jpeg_with_a_hole_is_not_answered_from_the_rest():
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8)
    whole = jpeg(pixels)
    dataset = compressed(image(pixels), [whole], uid.JPEGBaseline8Bit)
    assert read(encode(dataset)).pixels.shape == (64, 64)
    dataset = compressed(image(pixels), [whole[: len(whole) // 2] + b"\xff\xd9"], uid.JPEGBaseline8Bit)
    assert "cannot be decoded" in refused(encode(dataset)).message


def test_fewer_frames_than_announced():
    dataset = compressed(image(np.stack([BYTES] * 3)), [jpeg(), jpeg()], uid.JPEGBaseline8Bit)
    refused(encode(dataset))


@pytest.mark.parametrize("frame", [b"\xff\xd8", b"\xff\x4f\xff\x51" + bytes(80), bytes(100)])
def test_codestream_that_is_none(frame):
    refused(encode(compressed(image(BYTES), [frame], uid.JPEG2000Lossless)))


def test_compression_that_is_not_read():
    dataset = compressed(image(BYTES), [jpeg()], uid.MPEG2MPML)
    error = refused(encode(dataset))
    assert "no installed package decodes" in error.message
    assert "gdcmconv" in error.hint


def test_pixels_kept_elsewhere():
    dataset = image(SMALL)
    del dataset.PixelData
    dataset.PixelDataProviderURL = "http://example.org/pixels"
    error = refused(encode(dataset))
    assert "kept elsewhere" in error.message
    assert "example" not in error.message


def test_sequence_that_is_no_sequence():
    dataset = image(SMALL, Modality="DX")
    dataset.VOILUTSequence = Items([Dataset()])
    assert "lookup table has no descriptor" in refused(encode(dataset)).message


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter"])
def test_a_needed_element_that_holds_no_number_is_named_and_not_repeated(keyword):
    dataset = image(SMALL, Modality="CR", RescaleSlope="15", RescaleIntercept="0", WindowCenter="15", WindowWidth=9)
    before = element(keyword, b"15")
    data = encode(dataset)
    assert before in data
    message = refused(data.replace(before, element(keyword, b"Jo"))).message
    assert message == f"the input is a DICOM file whose element {keyword} holds no number."


def element(keyword, text):
    from pydicom.datadict import tag_for_keyword

    tag = tag_for_keyword(keyword)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"DS", len(text)) + text


def test_more_frames_than_the_header_says():
    dataset = image(np.stack([BYTES] * 3), Modality="XA")
    dataset.compress(uid.RLELossless, generate_instance_uid=False)
    dataset.NumberOfFrames = 2
    assert "the file has more" in refused(encode(dataset)).message


def test_one_frame_that_holds_two_pictures():
    frame = image_files.jpeg(BYTES)
    assert read(encode(compressed(image(BYTES, Modality="DX"), [frame], uid.JPEGBaseline8Bit))).pixels.shape == (8, 8)
    twice = compressed(image(BYTES, Modality="DX"), [frame + frame], uid.JPEGBaseline8Bit)
    assert "more than one picture" in refused(encode(twice)).message
