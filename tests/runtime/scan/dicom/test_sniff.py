"""DICOM files are known by what is in them, and need their extra."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from edge_run import BackendError
from edge_run.scan import read as image
from edge_run.scan.dicom.sniff import is_dicom
from edge_run.scan.inputs import expand
from toy import png, scan

MAGIC = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("start", "known"),
    [
        (MAGIC, True),
        (b"II*\0" + MAGIC[4:], True),
        (MAGIC[:-1], False),
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", True),
        (b"\x08\0\x08\0\x16\0\0\0ORIGINAL", True),
        (b"\0\x08\0\x05CS\0\x0aISO_IR 100", True),
        (b"\x02\0\0\0UL\x04\0\xbe\0\0\0", True),
        (b"\x08\0\x08\0\xff\xff\xff\xffORIGINAL", False),
        (b"\x08\0\x08\0\x16\0", False),
        (b"", False),
        (b"\x89PNG\r\n\x1a\n", False),
        (b"patient,label\n1,covid\n", False),
        (bytes(132), False),
    ],
)
def test_recognised_by_content(start, known):
    assert is_dicom(start) is known


def test_folder_brings_files_without_a_suffix_that_are_dicom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("IM000001", "1.2.840.113619.2.55", "a.ima", "b.IMA", "DICOMDIR", "d.txt", ".hidden"):
        Path(name).write_bytes(MAGIC)
    for name in ("README", "core.1234", "c.ima", "c.png", "e.dcm", "e.dicom"):
        Path(name).write_bytes(b"no DICOM at all")
    found = [one.name for one in expand(["."])]
    assert found == ["1.2.840.113619.2.55", "IM000001", "a.ima", "b.IMA", "c.png", "e.dcm", "e.dicom"]


def test_pipes_and_unreadable_files_of_a_folder_are_passed_by(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    (tmp_path / "folder.1").mkdir()
    (tmp_path / "a.png").touch()
    assert [one.path for one in expand([str(tmp_path)])] == [tmp_path / "a.png"]


def test_without_pydicom_it_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydicom", None)
    monkeypatch.setitem(sys.modules, "pydicom.pixels", None)
    with pytest.raises(BackendError) as caught:
        image.read(MAGIC + bytes(64))
    assert caught.value.hint == "pip install 'edge-run[dicom]'"
    assert "pydicom" in caught.value.message


def test_other_images_do_not_import_pydicom(tmp_path):
    import subprocess

    (tmp_path / "a.png").write_bytes(png(scan()))
    code = (
        "import sys; from edge_run import read; read(sys.argv[1]);"
        "names = {'edge_run.scan.dicom.read'} & {*sys.modules}\n"
        "sys.exit(bool(names) or any(m.split('.')[0] in ('pydicom', 'subprocess') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], check=False).returncode == 0
    assert np.asarray(image.read(tmp_path / "a.png").pixels).size
