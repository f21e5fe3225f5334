"""Nothing of the patient comes out: not in a scan, not in an error, a warning, a log or on a stream."""

from __future__ import annotations

import dataclasses
import logging
import traceback
import warnings

import numpy as np
import pytest

from dicoms import Dataset, DicomDictionary, Items, ct, encode
from edge_run import Ensemble, InputError
from edge_run.scan.dicom.parse import KEYWORDS
from edge_run.scan.read import read, read_frames
from toy import edge_run, write_toy_bundle

NAME = "QUIXOTE"
PIXELS = np.arange(64).reshape(8, 8)
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"}
# Every text element that is not needed, of the groups that identify: whose, who, where, when, why.
PLANTED = [
    (tag, vr)
    for tag, (vr, _, _, retired, keyword) in DicomDictionary.items()
    if vr in TEXT and tag >> 16 in (0x0008, 0x0010, 0x0018, 0x0020, 0x0032, 0x0038, 0x0040, 0x4008)
    and keyword not in KEYWORDS and keyword != "SpecificCharacterSet" and not retired
]  # fmt: skip


def planted(dataset, **changes):
    """The name in everything that it can be put in."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag, vr in PLANTED:
            dataset.add_new(tag, vr, NAME)
        nested = Dataset()
        nested.PatientName, nested.PatientID = NAME, NAME
        dataset.ReferencedPatientSequence = Items([nested])
        dataset.add_new(0x00091001, "LO", NAME)
        dataset.preamble = NAME.encode().ljust(128, b"\0")
        dataset.file_meta.ImplementationVersionName = NAME
        dataset.file_meta.SourceApplicationEntityTitle = NAME
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        return encode(dataset)


# Elements that are read, holding what they should not.
WRONG = [
    {"Modality": NAME},
    {"SOPClassUID": NAME},
    {"StudyInstanceUID": NAME, "SeriesInstanceUID": NAME},
    {"PhotometricInterpretation": NAME},
    {"RescaleType": NAME},
    {"ImageType": [NAME, NAME, NAME]},
    {"PresentationIntentType": NAME},
    {"Modality": "DX", "VOILUTFunction": NAME, "WindowCenter": 1, "WindowWidth": 2},
]


def leaves(data: bytes, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> str:
    """All that is left behind by reading a file."""
    left = []
    # What pydicom said while the file was written.
    caplog.clear()
    with warnings.catch_warnings(record=True) as warned, caplog.at_level(logging.DEBUG):
        warnings.simplefilter("always")
        for reader in (read, read_frames):
            try:
                scans = reader(data)
            except InputError as error:
                left += [str(error), error.hint, "".join(traceback.format_exception(error))]
            else:
                for scan in scans if isinstance(scans, tuple) else (scans,):
                    left += [str(dataclasses.asdict(scan))]
    return "\n".join([*left, *map(str, warned), caplog.text, *capfd.readouterr()])


def test_the_name_is_planted_widely():
    assert len(PLANTED) > 300
    assert planted(ct(PIXELS)).count(NAME.encode()) > 300


def test_a_scan_knows_no_name(caplog, capfd):
    assert "lung window" in (left := leaves(planted(ct(PIXELS)), caplog, capfd))
    assert NAME not in left


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: next(iter(changes)))
def test_free_text_where_a_term_belongs(changes, caplog, capfd):
    assert NAME not in leaves(planted(ct(PIXELS), **changes), caplog, capfd)


@pytest.mark.parametrize("keyword", ["RescaleSlope", "WindowCenter", "InstanceNumber", "PixelPaddingValue"])
def test_text_where_a_number_belongs(keyword, caplog, capfd):
    dataset = ct(PIXELS, Modality="DX", WindowCenter=1, WindowWidth=2, PixelPaddingValue=1)
    data = planted(dataset)
    element = dataset[keyword]
    header = element.tag.group.to_bytes(2, "little") + element.tag.element.to_bytes(2, "little") + element.VR.encode()
    at = data.index(header)
    length = int.from_bytes(data[at + 6 : at + 8], "little")
    filled = NAME.encode() + b" "
    broken = data[: at + 6] + len(filled).to_bytes(2, "little") + filled + data[at + 8 + length :]
    assert NAME not in leaves(broken, caplog, capfd)


def test_cut_files_quote_nothing(caplog, capfd):
    data = planted(ct(PIXELS))
    for length in range(200, len(data), 997):
        assert NAME not in leaves(data[:length], caplog, capfd)


def test_a_prediction_and_its_record_know_no_name(tmp_path, capsys):
    folder = write_toy_bundle(tmp_path / "toy")
    path = tmp_path / "0001"
    path.write_bytes(planted(ct(np.tile(PIXELS, (12, 12)))))
    with Ensemble.load(folder) as ensemble:
        assert NAME not in repr(ensemble.predict(path))
    for form in ("--json", "--csv"):
        answered = edge_run(capsys, "predict", path, "--bundle", folder, form, "--case-log", tmp_path / "cases.sqlite")
        assert answered.code == 0, answered.err
        assert NAME not in answered.out + answered.err
    kept = [file.read_bytes() for file in tmp_path.glob("cases.sqlite*")]
    assert kept
    assert not any(NAME.encode() in data for data in kept)
