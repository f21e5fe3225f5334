"""pydicom's own files: real ones, of many makers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import dicoms
from edge_run import InputError
from edge_run.scan.read import read, read_frames


def bundled(name: str) -> str:
    from pydicom.data import get_testdata_file

    assert dicoms
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"this pydicom does not bring {name}")
    return str(path)


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
    ],
)
def test_one_image_in_every_lossless_transfer_syntax(name):
    np.testing.assert_array_equal(read(bundled(name)).pixels, read(bundled("MR_small.dcm")).pixels)


@pytest.mark.parametrize(
    ("name", "shape", "steps"),
    [
        ("CT_small.dcm", (128, 128), ["lung window", "intercept -1024", "16-bit signed"]),
        ("693_J2KI.dcm", (512, 512), ["lung window", "JPEG 2000", "padding set to black"]),
        ("J2K_pixelrep_mismatch.dcm", (512, 512), ["lung window"]),
        ("JPEG2000.dcm", (1024, 256), ["no window"]),
        ("SC_rgb_jpeg_gdcm.dcm", (100, 100), ["JPEG Lossless", "RGB to grey"]),
        ("SC_rgb_jpeg_dcmtk.dcm", (100, 100), ["JPEG Baseline"]),
        ("SC_rgb_jls_lossy_line.dcm", (100, 100), ["JPEG-LS"]),
        ("examples_palette.dcm", (350, 800), ["palette applied"]),
        ("image_dfl.dcm", (512, 512), ["8-bit MONOCHROME2"]),
        ("GDCMJ2K_TextGBR.dcm", (400, 400), ["JPEG 2000"]),
    ],
)
def test_files_that_are_read(name, shape, steps):
    scan = read(bundled(name))
    assert scan.pixels.shape == shape
    assert scan.pixels.dtype == np.uint8
    assert all(any(step in done for done in scan.steps) for step in steps), scan.steps


def test_thirty_frames():
    scans = read_frames(bundled("examples_ybr_color.dcm"))
    assert [scan.series.frame for scan in scans] == list(range(1, 31))
    assert {scan.pixels.shape for scan in scans} == {(240, 320)}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("MR_truncated.dcm", "is truncated: 8130 bytes"),
        ("rtstruct.dcm", "RT Structure Set Storage"),
        ("rtplan.dcm", "RT Plan Storage"),
        ("test-SR.dcm", "Comprehensive SR Storage"),
        ("rtdose_1frame.dcm", "32 of 32 bits"),
        ("liver_1frame.dcm", "1 of 1 bits"),
        # A row of surplus could as well be a width or a height that is wrong by one.
        ("MR_small_padded.dcm", "contradicts itself: 8320 bytes of pixel data, the DICOM header says 8192"),
        ("badVR.dcm", "NumberOfFrames holds no number"),
        ("waveform_ecg.dcm", "without pixel data"),
        ("JPEG2000-embedded-sequence-delimiter.dcm", "contradicts itself about its size"),
        ("ExplVR_BigEndNoMeta.dcm", "without pixel data"),
        ("ExplVR_LitEndNoMeta.dcm", "without pixel data"),
    ],
)
def test_files_that_are_refused(name, says):
    with pytest.raises(InputError) as caught:
        read(bundled(name))
    assert says in caught.value.message


def test_directory_of_files():
    with pytest.raises(InputError, match="DICOMDIR"):
        read(bundled("dicomdirtests/DICOMDIR"))


def test_no_name_of_any_of_them_comes_out():
    from pathlib import Path

    import pydicom

    from edge_run.scan.dicom.quiet import quiet

    folder = Path(bundled("CT_small.dcm")).parent
    names = []
    for path in sorted(folder.glob("MR*.dcm")) + sorted(folder.glob("CT*.dcm")):
        with quiet:
            dataset = pydicom.dcmread(path, force=True)
            words = [str(dataset.get(word, "")) for word in ("PatientName", "PatientID", "StudyInstanceUID")]
        names += [word for word in words if len(word) > 3]
        try:
            left = str([dataclasses.asdict(scan) for scan in read_frames(path)])
        except InputError as error:
            left = str(error)
        assert not [word for word in names if word in left]
    assert names
