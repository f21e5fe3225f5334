"""What is read of an object at once."""

from __future__ import annotations

import io
import zlib

import pytest

from edge_run.errors import InputError
from edge_run.node.identity import identify
from edge_run.node.presentation import DEFLATED, EXPLICIT, IMPLICIT
from node_peers import slices


def body(implicit: bool = False, **changes: object) -> bytes:
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    dataset = slices(1, **changes)[0]
    del dataset.file_meta
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()


@pytest.mark.parametrize(("syntax", "data"), [(EXPLICIT, body()), (IMPLICIT, body(implicit=True))])
def test_identity_is_read_in_each_encoding(syntax, data):
    found = identify(data, syntax)
    assert (found.sop_uid, found.series_uid, found.modality) == ("2.25.101.1", "2.25.101", "CT")
    assert not found.is_own


def test_deflated_data_set_is_read_from_its_beginning_alone():
    compressor = zlib.compressobj(wbits=-15)
    bomb = compressor.compress(body() + bytes(2**28)) + compressor.flush()
    assert identify(bomb, DEFLATED).series_uid == "2.25.101"


@pytest.mark.parametrize("data", [b"", b"\x08\0", bytes(500), b"\xff" * 500, body()[:40], zlib.compress(b"x")])
def test_damage_is_an_error_without_a_word_of_the_data(data):
    with pytest.raises(InputError) as error:
        identify(data, EXPLICIT)
    assert "SECRET" not in str(error.value)


def test_identifiers_that_are_no_uids_are_refused():
    with pytest.raises(InputError, match="SeriesInstanceUID"):
        identify(body(SeriesInstanceUID="../../etc"), EXPLICIT)


def test_own_objects_are_known():
    assert identify(body(Manufacturer="edge-run"), EXPLICIT).is_own


def test_pixels_are_not_read():
    cut = io.BytesIO(body()).read()[:-5000]
    assert identify(cut, EXPLICIT).sop_uid == "2.25.101.1"
