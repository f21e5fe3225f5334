"""JPEGs that reach their end marker with some of what lies before it lost."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from dicoms import compressed, encode, image, uid
from edge_run import InputError, read
from edge_run.scan.formats.header import FormatError
from edge_run.scan.formats.jpeg_codes import require_codes_to_add_up

OPTIMISED, RESTARTS, PROGRESSIVE = [cv2.IMWRITE_JPEG_OPTIMIZE, 1], [cv2.IMWRITE_JPEG_RST_INTERVAL, 5], [2, 1]
SUBSAMPLED = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x221111]
VARIANTS = {
    "baseline": [],
    "optimised": OPTIMISED,
    "restarts": RESTARTS,
    "progressive": PROGRESSIVE,
    "progressive-restarts": PROGRESSIVE + RESTARTS,
    "colour": OPTIMISED,
    "colour-subsampled": SUBSAMPLED,
    "colour-progressive": PROGRESSIVE + SUBSAMPLED,
}
ROWS, COLUMNS = np.mgrid[:203, :237]
BODY = np.hypot((ROWS - 101) / 90, (COLUMNS - 118) / 110) < 1
GREY = (BODY * (100 + 60 * np.sin(ROWS / 9) * np.cos(COLUMNS / 13))).astype(np.float64)
GREY = (GREY + BODY * np.random.default_rng(3).normal(0, 12, GREY.shape)).clip(0, 255).astype(np.uint8)


def jpeg(variant: str, pixels: np.ndarray = GREY) -> bytes:
    pixels = cv2.applyColorMap(pixels, cv2.COLORMAP_JET) if variant.startswith("colour") else pixels
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90, *VARIANTS[variant]])[1].tobytes()


FILES = {variant: jpeg(variant) for variant in VARIANTS}


def middle(data: bytes) -> int:
    """A place in the longest scan."""
    starts = [n for n in range(len(data)) if data[n : n + 2] == b"\xff\xda"] + [len(data)]
    length, start = max((after - start, start) for start, after in itertools.pairwise(starts))
    return start + length // 2


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("shape", [(203, 237), (8, 8), (1, 1), (17, 100)])
def test_whole_pictures_pass(variant: str, shape: tuple[int, int]) -> None:
    for pixels in (GREY[: shape[0], : shape[1]], np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)):
        data = jpeg(variant, pixels)
        require_codes_to_add_up(data)
        assert read(data).pixels.shape == shape


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("size", [64, 512])
def test_lost_bytes_are_refused(variant: str, size: int) -> None:
    data, at = FILES[variant], middle(FILES[variant])
    for bad in (
        data[:at] + data[at + size :],
        data[:at] + b"\xff" * size + data[at + size :],
        data[:at] + b"\xff\xd9",
        data[:at] + np.random.default_rng(1).bytes(size) + data[at + size :],
        data[:at] + data[at - size : at] + data[at:],
    ):
        with pytest.raises(InputError, match=r"is damaged|is truncated"):
            read(bad)


@pytest.mark.parametrize("variant", VARIANTS)
def test_zeroed_sectors_are_refused_wherever_they_lie(variant: str) -> None:
    data, end = FILES[variant], len(FILES[variant]) - 2
    start = data.rindex(b"\xff\xda") + 14
    for at in range(start, end - 512, (end - start) // 9):
        with pytest.raises(InputError, match="is damaged"):
            read(data[:at] + bytes(512) + data[at + 512 :])


def test_a_byte_or_two_before_the_end_do_no_harm() -> None:
    data = FILES["baseline"]
    for stray in (b"\0", b"\0\0"):
        np.testing.assert_array_equal(read(data[:-2] + stray + data[-2:]).pixels, read(data).pixels)
    with pytest.raises(InputError, match="4 bytes are left over"):
        read(data[:-2] + bytes(4) + data[-2:])


@pytest.mark.parametrize(("offset", "value"), [(5, 101), (5, 180), (7, 120), (7, 300), (7, 500)])
@pytest.mark.parametrize("variant", ["baseline", "progressive", "colour-subsampled"])
def test_header_of_another_size_than_the_data(variant: str, offset: int, value: int) -> None:
    data = bytearray(FILES[variant])
    frame = data.index(b"\xff\xc2" if variant == "progressive" else b"\xff\xc0")
    data[frame + offset : frame + offset + 2] = value.to_bytes(2, "big")
    with pytest.raises(InputError):
        read(bytes(data))


def test_frames_of_dicom_are_held_to_the_same() -> None:
    data = FILES["baseline"]
    at = middle(data)
    for frame in (data[:at] + bytes(512) + data[at + 512 :], data[:at] + data[at + 512 :], data[:at] + b"\xff\xd9"):
        with pytest.raises(InputError):
            read(encode(compressed(image(GREY, Modality="DX"), [frame], uid.JPEGBaseline8Bit)))
    assert read(encode(compressed(image(GREY, Modality="DX"), [data], uid.JPEGBaseline8Bit))).pixels.shape == GREY.shape


def test_what_is_not_followed_passes() -> None:
    lossless = bytearray(FILES["baseline"])
    lossless[lossless.index(b"\xff\xc0") + 1] = 0xC3
    require_codes_to_add_up(bytes(lossless))
    contradicting = FILES["baseline"].replace(b"\xff\xc4", b"\xff\xe5")
    with pytest.raises(FormatError, match="contradict"):
        require_codes_to_add_up(contradicting)
