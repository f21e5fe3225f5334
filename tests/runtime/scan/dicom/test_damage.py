"""Damage inside compressed pixel data that reaches its end."""

from __future__ import annotations

import numpy as np
import pytest

from dicoms import compressed, encode, image, uid
from edge_run import InputError, read
from edge_run.scan.dicom import rle

PIXELS = (np.random.default_rng(8).normal(2000, 300, (64, 64)).clip(0, 4095)).astype(np.uint16)
RESCALE = {"BitsStored": 12, "HighBit": 11, "RescaleSlope": 1, "RescaleIntercept": -1024}


def rle_file(change=lambda frame: frame) -> bytes:
    dataset = image(PIXELS, **RESCALE)
    dataset.compress(uid.RLELossless, generate_instance_uid=False)
    frame = dataset.PixelData[dataset.PixelData.rindex(b"\xfe\xff\x00\xe0") + 8 :]
    frame = frame[: frame.rindex(b"\xfe\xff\xdd\xe0")] if b"\xfe\xff\xdd\xe0" in frame else frame
    return encode(compressed(image(PIXELS, **RESCALE), [change(frame)], uid.RLELossless))


def test_run_lengths_must_fill_the_image_exactly():
    np.testing.assert_array_equal(read(rle_file()).pixels, read(encode(image(PIXELS, **RESCALE))).pixels)
    for change in (
        lambda frame: frame[:2000] + bytes(512) + frame[2512:],
        lambda frame: frame[:2000] + frame[2512:],
        lambda frame: b"\3" + frame[1:],
        lambda frame: frame[:80],
    ):
        with pytest.raises(InputError, match=r"damaged|larger"):
            read(rle_file(change))


@pytest.mark.parametrize(("samples", "signed"), [(1, False), (1, True), (3, False)])
@pytest.mark.parametrize("allocated", [8, 16])
def test_run_lengths_of_any_kind_agree_with_pydicom(allocated, samples, signed):
    from pydicom.pixels.encoders import RLELosslessEncoder

    kind = np.dtype(f"<{'i' if signed else 'u'}{allocated // 8}")
    pixels = np.random.default_rng(1).integers(0, 120, (5, 7, samples)).astype(kind) - (60 if signed else 0)
    pixels = pixels[:, :, 0] if samples == 1 else pixels
    frame = RLELosslessEncoder.encode(
        pixels, rows=5, columns=7, samples_per_pixel=samples, number_of_frames=1, bits_allocated=allocated,
        bits_stored=allocated, pixel_representation=int(signed), planar_configuration=0,
        photometric_interpretation="RGB" if samples == 3 else "MONOCHROME2", encoding_plugin="pydicom",
    )  # fmt: skip
    decoded = rle.decode(frame, rows=5, columns=7, samples=samples, allocated=allocated, signed=signed)
    np.testing.assert_array_equal(decoded, pixels)
    assert decoded.dtype == kind


J2K = bytes.fromhex(
    "ff4fff51002900000000004000000040000000000000000000000040000000400000000000000000000107"
    "0101ff52000c00000001000504040001ff5c00134040484850484850484850484850484850"
)


@pytest.mark.parametrize("body", [bytes(200), b"\x12\x34\xff\x95" * 40])
def test_jpeg_2000_that_no_encoder_writes(body):
    tile = b"\xff\x90\0\x0a\0\0\0\0\0\0\0\1\xff\x93"
    frame = J2K + tile + b"\x7a\x11" + body + b"\x13\x37\xff\xd9"
    pixels = PIXELS.astype(np.uint8)
    with pytest.raises(InputError, match="not what an encoder writes"):
        read(encode(compressed(image(pixels, Modality="DX"), [frame], uid.JPEG2000Lossless)))
