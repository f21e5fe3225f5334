"""Frames, and what ties scans together."""

from __future__ import annotations

import numpy as np
import pytest

from dicoms import SERIES, STUDY, ct, encode, image
from edge_run import InputError, read
from edge_run.scan.frames import frames_of
from edge_run.scan.inputs import Input
from edge_run.scan.read import read_frames

PIXELS = np.arange(36).reshape(6, 6)
AXIAL = [1, 0, 0, 0, 1, 0]


def place(dataset):
    return read(encode(dataset)).series


def test_every_frame_is_a_scan():
    pixels = np.stack([PIXELS, PIXELS[::-1], PIXELS * 2]).astype(np.uint8)
    data = encode(image(pixels, Modality="XA"))
    scans = read_frames(data)
    for number, scan in enumerate(scans):
        np.testing.assert_array_equal(scan.pixels, pixels[number])
        assert scan.series.frame == number + 1
        assert f"frame {number + 1} of 3" in scan.steps
    assert len({scan.sha256 for scan in scans}) == 1
    with pytest.raises(InputError, match="of 3 frames") as caught:
        read(data)
    assert "read_frames" in caught.value.hint


def test_one_frame_is_one_scan():
    (scan,) = read_frames(encode(ct(PIXELS)))
    assert scan.series.frame is None
    np.testing.assert_array_equal(scan.pixels, read(encode(ct(PIXELS))).pixels)


def test_other_formats_have_no_series():
    from toy import png, scan

    (only,) = read_frames(png(scan()))
    assert only.series is None


@pytest.mark.parametrize(
    ("axes", "corner", "along"),
    [
        (AXIAL, [-200, -180, 42.5], 42.5),
        ([0, 1, 0, 0, 0, -1], [-30, 1, 2], 30),  # sagittal
        ([1, 0, 0, 0, 0, -1], [5, 17, 9], 17),  # coronal
        (AXIAL, [1, 2], None),
        (None, [1, 2, 3], None),
    ],
)
def test_position_lies_along_the_normal(axes, corner, along):
    assert place(ct(PIXELS, ImageOrientationPatient=axes, ImagePositionPatient=corner)).position == along


def test_uids_have_pseudonyms():
    one, same = place(ct(PIXELS, InstanceNumber=7)), place(ct(PIXELS))
    other = place(ct(PIXELS, SeriesInstanceUID=f"{SERIES}.9"))
    assert (one.instance, one.modality) == (7, "CT")
    assert one.series == same.series != other.series
    assert one.study == same.study == other.study
    assert len(one.series) == len(one.study) == 16
    # A study and a series of one UID are not one thing.
    assert place(ct(PIXELS, SeriesInstanceUID=STUDY)).series != one.study
    assert SERIES not in str(one)
    assert place(ct(PIXELS, SeriesInstanceUID=None, StudyInstanceUID=None)).series == ""


@pytest.mark.parametrize(
    ("said", "modality"), [("DX", "DX"), ("DR", "DR"), ("ct ", "CT"), ("SMITH", "unknown"), (None, "unknown")]
)
def test_modality_is_a_defined_term_or_unknown(said, modality):
    assert place(image(PIXELS.astype(np.uint8), Modality=said)).modality == modality


def test_localizer():
    assert place(ct(PIXELS, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])).localizer
    assert not place(ct(PIXELS, ImageType=["ORIGINAL", "PRIMARY", "AXIAL"])).localizer


def test_frames_of_an_input_carry_their_number(tmp_path):
    path = tmp_path / "two.dcm"
    path.write_bytes(encode(image(np.stack([PIXELS, PIXELS + 1]).astype(np.uint16), Modality="MR")))
    first, second = frames_of(Input("two.dcm", path))
    assert [first.name, second.name] == ["two.dcm#1", "two.dcm#2"]
    assert [(f.number, f.last) for f in (first, second)] == [(1, False), (2, True)]
    assert first.data is second.data


@pytest.mark.parametrize(
    ("axes", "plane"),
    [
        (AXIAL, "axial"),
        ([1, 0, 0, 0, 0.9, -0.4], "axial"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        (None, ""),
        ([0] * 6, ""),
    ],
)
def test_plane_of_a_slice(axes, plane):
    assert place(ct(PIXELS, ImageOrientationPatient=axes)).plane == plane


@pytest.mark.parametrize(
    ("keyword", "sound", "malformed"),
    [
        ("InstanceNumber", b"1 ", b"a "),
        ("InstanceNumber", b"12", b"1-"),
        ("ImagePositionPatient", b"1\\2\\3 ", b"a\\b\\c "),
        ("ImageOrientationPatient", b"1\\0\\0\\0\\1\\0 ", b"L\\P\\L\\P\\L\\P "),
    ],
)
def test_malformed_elements_that_only_order_slices_refuse_no_scan(keyword, sound, malformed):
    value = sound.decode().strip().split("\\")
    dataset = ct(PIXELS, **{keyword: value[0] if len(value) == 1 else value})
    data = encode(dataset)
    assert sound in data
    scan = read(data.replace(sound, malformed))
    np.testing.assert_array_equal(scan.pixels, read(data).pixels)
    assert scan.series.position is None
    assert scan.series.instance == (None if keyword == "InstanceNumber" else 1)
